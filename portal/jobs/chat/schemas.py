"""Validate the fields of POST /v1/chat/completions: a ChatRequest, or BadParameter."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from portal.jobs.chat.tools.fields import (
    LONGEST_CALL_ID,
    NamedChoice,
    Tool,
    ToolCalls,
    ToolChoice,
    Tools,
    size_of,
)
from portal.jobs.chat.tools.schema import arguments_of, calls_of
from portal.jobs.errors import BadParameter
from portal.jobs.openai.fields import Text
from portal.jobs.openai.schemas import CompletionRequest, parse_completion
from portal.jobs.openai.unsupported import UNSUPPORTED, Unsupported, refuse_unsupported
from portal.parsing.bodies import Body, validated

MOST_MESSAGES = 1000
MOST_TEMPLATE_VARIABLES = 50
MAX_TOP_LOGPROBS = 5
ROLES = ("system", "developer", "user", "assistant", "tool")
TOOLS = "Use tools."
OWN = frozenset(
    {
        *("messages", "chat_template_kwargs", "max_completion_tokens", "top_logprobs"),
        *("tools", "tool_choice", "parallel_tool_calls"),
    }
)
STRUCTURED = ("response_format", "structured_outputs")
# Those of completions, and what chat alone has elsewhere.
UNSUPPORTED_IN_CHAT: dict[str, Unsupported] = {
    **{name: rule for name, rule in UNSUPPORTED.items() if name not in OWN},
    "functions": Unsupported(([],), TOOLS),
    "function_call": Unsupported(("none", "auto"), TOOLS),
    "prediction": Unsupported((), "Leave it out."),
    "echo": Unsupported((False,), "Use /v1/completions."),
    "best_of": Unsupported((1,), "Use n."),
    "suffix": Unsupported(("",), "Use /v1/completions."),
    "prompt_logprobs": Unsupported((), "Use /v1/completions."),
    "return_token_ids": Unsupported((False,), "Use /v1/completions."),
    "capture": Unsupported(([],), "Use /v1/completions, with what /v1/tokenize gives as prompt."),
    "interventions": Unsupported(([],), "Use /v1/completions, with token ids as prompt."),
    "dry_run": Unsupported((False,), "Use /v1/completions."),
    "continue_final_message": Unsupported((False,), "Use /v1/completions."),
    "add_generation_prompt": Unsupported((True,), "Use /v1/completions."),
}


class ContentPart(Body):
    """A part of a message's content."""

    type: Literal["text"]
    text: Text


def _as_text(content: Any) -> Any:
    """Join the texts of a content in parts; pictures and sounds are refused."""
    if not isinstance(content, list):
        return content
    if not all(isinstance(part, dict) and part.get("type") == "text" for part in content):
        raise ValueError("may have messages with parts of type text alone")
    return "".join(validated(ContentPart, part, refusal=BadParameter).text for part in content)


class ChatMessage(Body):
    """A message: who says it, and what. An assistant's may call tools, and a tool's answers one."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Annotated[Text, BeforeValidator(_as_text)] = Field("", repr=False)
    name: str | None = None
    tool_calls: ToolCalls = Field((), repr=False)
    tool_call_id: str | None = Field(None, max_length=LONGEST_CALL_ID)

    @property
    def variables(self) -> dict[str, Any]:
        """Return it as templates read it."""
        named = {"name": self.name, "tool_call_id": self.tool_call_id}
        calls = {"tool_calls": [call.variables for call in self.tool_calls]}
        return {
            "role": self.role,
            "content": self.content,
            **{field: value for field, value in named.items() if value},
            **(calls if self.tool_calls else {}),
        }

    @property
    def size_bytes(self) -> int:
        """Return the bytes of what is said, and of the calls."""
        called = (call.function for call in self.tool_calls)
        texts = (self.content, *(f"{call.name}{call.arguments}" for call in called))
        return sum(len(text.encode()) for text in texts)


def _require_roles(messages: tuple[ChatMessage, ...]) -> tuple[ChatMessage, ...]:
    if any(message.tool_calls and message.role != "assistant" for message in messages):
        raise ValueError("may have tool_calls where the role is assistant alone")
    return messages


class ChatRequest(Body):
    """The fields that chat has besides those of a completion."""

    messages: Annotated[
        tuple[ChatMessage, ...],
        Field(strict=False, min_length=1, max_length=MOST_MESSAGES, fail_fast=True),
        AfterValidator(_require_roles),
    ] = Field(repr=False)
    max_completion_tokens: int | None = Field(None, ge=1)
    max_tokens: int | None = Field(None, ge=1)
    logprobs: bool = False
    top_logprobs: int | None = Field(None, ge=0, le=MAX_TOP_LOGPROBS)
    chat_template_kwargs: dict[str, Any] = Field(
        default_factory=dict, max_length=MOST_TEMPLATE_VARIABLES, repr=False
    )
    tools: Tools = Field((), repr=False)
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool = True

    @property
    def offered(self) -> tuple[Tool, ...]:
        """Return the tools that the model may call, and so reads of."""
        return () if self.tool_choice == "none" else self.tools

    @property
    def structure(self) -> dict[str, Any] | None:
        """Return the schema that the answer is held to where a call is required; None elsewhere.

        Raises BadParameter.
        """
        if isinstance(self.tool_choice, NamedChoice):
            return arguments_of(self._named(self.tool_choice.function.name))
        if self.tool_choice == "required":
            return calls_of(self.tools, several=self.parallel_tool_calls)
        return None

    @property
    def structured_by(self) -> str | None:
        """Name the field by which the answer is held to calls; None where it isn't."""
        return None if self.tool_choice in ("none", "auto") else "tool_choice"

    def _named(self, name: str) -> Tool:
        tool = next((tool for tool in self.tools if tool.name == name), None)
        if tool is None:
            raise BadParameter(f"No tool is named {name}. Name one of tools.", field="tool_choice")
        return tool

    @property
    def most_tokens(self) -> int | None:
        """Return the most tokens of an answer; None for what the model has room for."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def size_bytes(self) -> int:
        """Return the bytes of all that the model is to read."""
        said = sum(message.size_bytes for message in self.messages)
        return said + size_of(self.offered)

    @property
    def kept(self) -> dict[str, Any]:
        """Return what a job's row keeps of it, as JSON that reads as the same request."""
        names = {"messages", "tools", "tool_choice", "parallel_tool_calls", "chat_template_kwargs"}
        return self.model_dump(mode="json", include=names, exclude_defaults=True, by_alias=True)


def parse_chat(data: dict[str, Any]) -> tuple[ChatRequest, CompletionRequest]:
    """Read a request, or raise BadParameter, naming the first field that is wrong.

    Its completion has everything but the prompt, which only the model's template can write.
    """
    refuse_unsupported(data, UNSUPPORTED_IN_CHAT)
    chat = validated(ChatRequest, data, refusal=BadParameter)
    _require_consistent(chat, data)
    left_out = {*OWN, "logprobs", *UNSUPPORTED_IN_CHAT}
    rest = {name: value for name, value in data.items() if name not in left_out}
    rest |= {"prompt": "", "max_tokens": chat.most_tokens or _least(data)}
    if chat.logprobs:
        rest["logprobs"] = chat.top_logprobs or 0
    if (structure := chat.structure) is not None:
        rest["structured_outputs"] = {"json": structure}
    return chat, parse_completion(rest)


def _require_consistent(chat: ChatRequest, data: dict[str, Any]) -> None:
    if chat.top_logprobs is not None and not chat.logprobs:
        raise BadParameter("top_logprobs needs logprobs set to true.", field="top_logprobs")
    if not chat.tools and chat.tool_choice not in ("none", "auto"):
        raise BadParameter("tool_choice needs tools to choose from.", field="tool_choice")
    structured = next((name for name in STRUCTURED if _asks_for_structure(data.get(name))), None)
    if chat.offered and structured:
        raise BadParameter(
            f"{structured} leaves the model no way to call tools. Leave it out, or set "
            "tool_choice to none.",
            field=structured,
        )


def _asks_for_structure(value: Any) -> bool:
    return value is not None and value != {"type": "text"}


def _least(data: dict[str, Any]) -> int:
    """Return a length that min_tokens fits in, until the model's own is known."""
    least = data.get("min_tokens")
    return max(least, 1) if type(least) is int else 1

"""Validate the fields of POST /v1/chat/completions: a ChatRequest, or BadParameter."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from portal.jobs.errors import BadParameter
from portal.jobs.openai.fields import Text
from portal.jobs.openai.schemas import CompletionRequest, parse_completion
from portal.jobs.openai.unsupported import UNSUPPORTED, Unsupported, refuse_unsupported
from portal.parsing.bodies import Body, validated

MOST_MESSAGES = 1000
MOST_TEMPLATE_VARIABLES = 50
MAX_TOP_LOGPROBS = 5
ROLES = ("system", "developer", "user", "assistant", "tool")
TOOLS = "No tools are called here. Write what they are into a message."
OWN = frozenset({"messages", "chat_template_kwargs", "max_completion_tokens", "top_logprobs"})
# Those of completions, and what chat alone has elsewhere.
UNSUPPORTED_IN_CHAT: dict[str, Unsupported] = {
    **{name: rule for name, rule in UNSUPPORTED.items() if name not in OWN},
    "tools": Unsupported(([],), TOOLS),
    "tool_choice": Unsupported(("none", "auto"), TOOLS),
    "functions": Unsupported(([],), TOOLS),
    "function_call": Unsupported(("none", "auto"), TOOLS),
    "parallel_tool_calls": Unsupported((True, False), TOOLS),
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
    """A message: who says it, and what."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Annotated[Text, BeforeValidator(_as_text)] = Field("", repr=False)
    name: str | None = None

    @property
    def variables(self) -> dict[str, str]:
        """Return it as templates read it."""
        named = {"name": self.name} if self.name else {}
        return {"role": self.role, "content": self.content, **named}


class ChatRequest(Body):
    """The fields that chat has besides those of a completion."""

    messages: Annotated[
        tuple[ChatMessage, ...],
        Field(strict=False, min_length=1, max_length=MOST_MESSAGES, fail_fast=True),
    ] = Field(repr=False)
    max_completion_tokens: int | None = Field(None, ge=1)
    max_tokens: int | None = Field(None, ge=1)
    logprobs: bool = False
    top_logprobs: int | None = Field(None, ge=0, le=MAX_TOP_LOGPROBS)
    chat_template_kwargs: dict[str, Any] = Field(
        default_factory=dict, max_length=MOST_TEMPLATE_VARIABLES, repr=False
    )

    @property
    def most_tokens(self) -> int | None:
        """Return the most tokens of an answer; None for what the model has room for."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def size_bytes(self) -> int:
        """Return the bytes of all that is said."""
        return sum(len(message.content.encode()) for message in self.messages)


def parse_chat(data: dict[str, Any]) -> tuple[ChatRequest, CompletionRequest]:
    """Read a request, or raise BadParameter, naming the first field that is wrong.

    Its completion has everything but the prompt, which only the model's template can write.
    """
    refuse_unsupported(data, UNSUPPORTED_IN_CHAT)
    chat = validated(ChatRequest, data, refusal=BadParameter)
    if chat.top_logprobs is not None and not chat.logprobs:
        raise BadParameter("top_logprobs needs logprobs set to true.", field="top_logprobs")
    own = ("messages", "max_completion_tokens", "chat_template_kwargs", "top_logprobs", "logprobs")
    rest = {name: value for name, value in data.items() if name not in (*own, *UNSUPPORTED_IN_CHAT)}
    rest |= {"prompt": "", "max_tokens": chat.most_tokens or _least(data)}
    if chat.logprobs:
        rest["logprobs"] = chat.top_logprobs or 0
    return chat, parse_completion(rest)


def _least(data: dict[str, Any]) -> int:
    """Return a length that min_tokens fits in, until the model's own is known."""
    least = data.get("min_tokens")
    return max(least, 1) if type(least) is int else 1

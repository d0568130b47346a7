"""Write a chat's prompt by the model's template, within the model's room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.utils.translation import gettext as _

from portal.catalog.models import ModelRepo, ToolParser
from portal.jobs.chat.schemas import ChatRequest
from portal.jobs.chat.template import ChatTemplate
from portal.jobs.chat.tools.fields import NamedChoice
from portal.jobs.chat.tools.reading import FORMATS, NamedReader, ToolReader, required_reader
from portal.jobs.errors import BadParameter, ContextLengthExceeded
from portal.jobs.hosting import HostedModel
from portal.jobs.openai.schemas import CompletionRequest
from portal.parsing.bodies import validated

BASE_MODEL = "This is a base model without a chat format. Send a prompt to /v1/completions."
PARSER = "tool_parser"
# Where a request names no length: what a model could write at most would fill anybody's quota.
DEFAULT_TOKENS = 4096


def require_talking(chat: ChatRequest, model: HostedModel, repo: ModelRepo) -> None:
    """Refuse a chat with a model that has no chat format, or tools that it can't call.

    Raises BadParameter.
    """
    template_of(model)
    model.require_tokenizer()
    if chat.offered and chat.tool_choice == "auto" and not repo.tool_parser:
        raise BadParameter(
            "Nobody has said in which format this model calls tools. Its lab names one as the "
            f"tool parser in its settings, of {', '.join(ToolParser.values)}. Or set tool_choice "
            "to required or to a function, where the model’s engine has structured_outputs.",
            field="tools",
        )


def with_prompt(
    chat: ChatRequest, completion: CompletionRequest, model: HostedModel
) -> CompletionRequest:
    """Return the completion with the chat as its prompt, and as long as there is room for.

    Raises BadParameter, ContextLengthExceeded.
    """
    tokens = chat_tokens(chat, model)
    room = model.context_length - len(tokens)
    wanted = chat.most_tokens or max(completion.min_tokens, min(room, DEFAULT_TOKENS))
    if room < max(wanted, 1):
        raise ContextLengthExceeded(
            _(
                "The model’s context is %(context)s tokens. The messages have %(messages)s, and "
                "you asked for %(wanted)s more. Shorten the messages or lower "
                "max_completion_tokens."
            )
            % {
                "context": model.context_length,
                "messages": len(tokens),
                "wanted": max(wanted, 1),
            },
            field="messages",
        )
    return completion.model_copy(update={"prompts": (tokens,), "max_tokens": wanted})


def chat_tokens(
    chat: ChatRequest,
    model: HostedModel,
    *,
    add_generation_prompt: bool = True,
    special_tokens: bool = False,
) -> list[int]:
    """Render and tokenize a chat, up to where the model is to answer, unless told otherwise.

    A template writes the special tokens itself. Raises BadParameter.
    """
    said = [message.variables for message in chat.messages]
    tools = [tool.variables for tool in chat.offered]
    variables = {"add_generation_prompt": add_generation_prompt, **chat.chat_template_kwargs}
    text = template_of(model).render(said, variables, tools)
    return model.require_tokenizer().encode(text, special_tokens=special_tokens)


def kept_of(chat: ChatRequest, repo: ModelRepo) -> dict[str, Any]:
    """Return what the job's row keeps: the chat, and how calls are read in its answer."""
    return {**chat.kept, **({PARSER: repo.tool_parser} if chat.offered else {})}


@dataclass(frozen=True)
class CallReading:
    """The way in which calls are read in an answer: a reader for each choice, and how many."""

    reader: Callable[[], ToolReader]
    several: bool


def reading_of(kept_chat: dict[str, Any] | None) -> CallReading | None:
    """Return how calls are read in a job's answers; None where it may have none."""
    chat = validated(ChatRequest, kept_chat) if kept_chat else None
    if chat is None or kept_chat is None or not chat.offered:
        return None
    names = frozenset(tool.name for tool in chat.offered)
    if isinstance(chat.tool_choice, NamedChoice):
        return CallReading(partial(NamedReader, chat.tool_choice.function.name), several=False)
    required = chat.tool_choice == "required"
    reader = required_reader if required else FORMATS[kept_chat[PARSER]]
    return CallReading(partial(reader, names), chat.parallel_tool_calls)


def template_of(model: HostedModel) -> ChatTemplate:
    """Return the model’s chat template. Raises BadParameter for a base model."""
    if model.chat_template is None:
        raise BadParameter(BASE_MODEL, field="model")
    return model.chat_template

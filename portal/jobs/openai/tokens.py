"""Validate the bodies of /v1/tokenize and /v1/detokenize, with the fields that vLLM's have."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from portal.jobs.chat.schemas import ChatRequest
from portal.jobs.errors import BadParameter
from portal.jobs.openai.fields import Text
from portal.jobs.openai.unsupported import Unsupported, refuse_unsupported
from portal.parsing.bodies import Body, must, validated

REFUSED = {
    "continue_final_message": Unsupported((False,), "Send the text as prompt."),
    "chat_template": Unsupported((), "The model’s own is taken."),
    "mm_processor_kwargs": Unsupported(({},), "Messages hold text alone."),
}


class TokenizeRequest(Body):
    """A request for the token ids of a text."""

    model: str = Field(min_length=1)
    prompt: Text
    add_special_tokens: bool = True
    return_token_strs: bool = False


class TokenizeChatRequest(Body):
    """A request for the token ids of a chat, as the model’s template writes it."""

    model: str = Field(min_length=1)
    chat: ChatRequest = Field(repr=False)
    add_generation_prompt: bool = True
    add_special_tokens: bool = False
    return_token_strs: bool = False


class DetokenizeRequest(Body):
    """A request for the text of token ids."""

    model: str = Field(min_length=1)
    tokens: Annotated[
        Annotated[tuple[int, ...], Field(strict=False, fail_fast=True)],
        must("must be a list of token ids"),
    ]


def parse_tokenize(data: dict[str, Any]) -> TokenizeRequest | TokenizeChatRequest:
    """Read a request, or raise BadParameter, naming the first field that is wrong."""
    if data.get("messages") is None:
        return validated(TokenizeRequest, data, refusal=BadParameter)
    if data.get("prompt") is not None:
        raise BadParameter("Give prompt or messages, not both.", field="prompt")
    refuse_unsupported(data, REFUSED)
    named = ("messages", "tools", "chat_template_kwargs")
    chat = validated(ChatRequest, {n: data[n] for n in named if n in data}, refusal=BadParameter)
    return validated(TokenizeChatRequest, {**data, "chat": chat}, refusal=BadParameter)


def parse_detokenize(data: dict[str, Any]) -> DetokenizeRequest:
    """Read a request, or raise BadParameter, naming the first field that is wrong."""
    return validated(DetokenizeRequest, data, refusal=BadParameter)

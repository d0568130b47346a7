"""Validate the bodies of /v1/tokenize and /v1/detokenize, with the fields that vLLM's have."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from portal.jobs.errors import BadParameter
from portal.jobs.openai.fields import Text
from portal.parsing.bodies import Body, must, validated

CHAT = "Messages aren’t taken here. Send the text as prompt."


class TokenizeRequest(Body):
    """A request for the token ids of a text."""

    model: str = Field(min_length=1)
    prompt: Text
    add_special_tokens: bool = True
    return_token_strs: bool = False


class DetokenizeRequest(Body):
    """A request for the text of token ids."""

    model: str = Field(min_length=1)
    tokens: Annotated[
        Annotated[tuple[int, ...], Field(strict=False, fail_fast=True)],
        must("must be a list of token ids"),
    ]


def parse_tokenize(data: dict[str, Any]) -> TokenizeRequest:
    """Read a request, or raise BadParameter, naming the first field that is wrong."""
    if data.get("messages") is not None:
        raise BadParameter(CHAT, field="messages")
    return validated(TokenizeRequest, data, refusal=BadParameter)


def parse_detokenize(data: dict[str, Any]) -> DetokenizeRequest:
    """Read a request, or raise BadParameter, naming the first field that is wrong."""
    return validated(DetokenizeRequest, data, refusal=BadParameter)

"""The types of a completion request's fields that have several forms, or bounds of their own."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from inference.engine.sampling_params import (
    MAX_LOGIT_BIAS,
    MAX_LOGIT_BIASES,
    MAX_STOP_STRINGS,
    MAX_STOP_TOKEN_IDS,
)
from portal.jobs.errors import BadParameter
from portal.parsing.bodies import must

Prompt: TypeAlias = str | list[int]

MAX_CHOICES = 1024
MAX_STOP_CHARACTERS = 8192  # more than a model writes before it ends
LONGEST_ID = 10  # digits


def _as_several(value: Any) -> Any:
    """Return a list of prompts, whichever of the four forms was sent."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and value and type(value[0]) is int:
        return [value]
    if isinstance(value, list) and len(value) > MAX_CHOICES:
        raise BadParameter(f"At most {MAX_CHOICES} prompts are taken at once.", field="prompt")
    return value


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _without_nul(text: str) -> str:
    """Refuse U+0000, which no column of the database holds."""
    if "\0" in text:
        raise ValueError("may not hold the character U+0000")
    return text


def _require_few(biases: Any) -> Any:
    """Refuse too many names before any is read: each that is wrong would cost an error."""
    if isinstance(biases, dict) and len(biases) > MAX_LOGIT_BIASES:
        raise ValueError(f"may name {MAX_LOGIT_BIASES:,} tokens at most")
    return biases


def _id_named(key: str) -> int:
    """Read an id in its one decimal spelling, so that no token can be named twice."""
    if not (key.isascii() and key.isdecimal() and len(key) <= LONGEST_ID):
        raise BadParameter("Each name in logit_bias must be a token id.", field="logit_bias")
    if str(int(key)) != key:
        message = "Write token ids in logit_bias without leading zeros."
        raise BadParameter(message, field="logit_bias")
    return int(key)


Text = Annotated[str, Field(min_length=0)]  # only with a bound is text held to be UTF-8
TokenIds = Annotated[list[int], Field(min_length=1, fail_fast=True)]
SEVERAL = Field(strict=False, min_length=1, fail_fast=True)
Prompts = Annotated[
    Annotated[tuple[Text, ...], SEVERAL] | Annotated[tuple[TokenIds, ...], SEVERAL],
    must(
        "must be a string, a list of strings, a list of token ids, or a list of lists of token "
        "ids; no list may be empty"
    ),
    BeforeValidator(_as_several),
]
StopString = Annotated[str, Field(max_length=MAX_STOP_CHARACTERS), AfterValidator(_without_nul)]
StopStrings = Annotated[
    tuple[StopString, ...],
    Field(strict=False, max_length=MAX_STOP_STRINGS, fail_fast=True),
    BeforeValidator(_as_list),
    AfterValidator(lambda stops: tuple(filter(None, stops))),
]
StopTokenIds = Annotated[
    tuple[int, ...],
    Field(strict=False, max_length=MAX_STOP_TOKEN_IDS, fail_fast=True),
    AfterValidator(lambda token_ids: tuple(dict.fromkeys(token_ids))),
]
LogitBias = Annotated[
    dict[
        Annotated[int, BeforeValidator(_id_named)],
        Annotated[float, Field(ge=-MAX_LOGIT_BIAS, le=MAX_LOGIT_BIAS)],
    ],
    BeforeValidator(_require_few),
]

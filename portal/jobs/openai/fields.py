"""Read the fields of a completion request, each by its type and range, or raise BadParameter."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TypeAlias

from inference.engine.sampling_params import (
    MAX_LOGIT_BIAS,
    MAX_LOGIT_BIASES,
    MAX_STOP_STRINGS,
    MAX_STOP_TOKEN_IDS,
)
from portal.jobs.errors import BadParameter

Prompt: TypeAlias = "str | list[int]"

MAX_CHOICES = 1024
MAX_STOP_CHARACTERS = 8192  # more than a model writes before it ends
LONGEST_ID = 10  # digits


class Fields:
    """Typed reading of one object's fields; null is as good as absent."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data

    def model(self) -> str:
        value = self.data.get("model")
        if not isinstance(value, str) or not value:
            raise BadParameter("You must name a model, as a string.", field="model")
        return _text(value, "model")

    def flag(self, name: str) -> bool:
        value = self.data.get(name)
        if value is not None and not isinstance(value, bool):
            raise BadParameter(f"{name} must be true or false.", field=name)
        return bool(value)

    def optional_integer(self, name: str, least: int, most: int | None = None) -> int | None:
        value = self.data.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise BadParameter(f"{name} must be an integer.", field=name)
        if value < least or (most is not None and value > most):
            span = f"{least} or more" if most is None else f"from {least} to {most}"
            raise BadParameter(f"{name} must be {span}.", field=name)
        return value

    def integer(self, name: str, default: int, least: int, most: int | None = None) -> int:
        value = self.optional_integer(name, least, most)
        return default if value is None else value

    def number(
        self, name: str, default: float, least: float, most: float, *, above_least: bool = False
    ) -> float:
        value = self.data.get(name)
        if value is None:
            return default
        if not _is_number(value):
            raise BadParameter(f"{name} must be a number.", field=name)
        if value < least or value > most or (above_least and value == least):
            span = f"over {least}, up to {most}" if above_least else f"from {least} to {most}"
            raise BadParameter(f"{name} must be {span}.", field=name)
        return float(value)

    def prompts(self) -> tuple[Prompt, ...]:
        """A string, several, ids, or lists of ids: always as several prompts."""
        value = self.data.get("prompt")
        if value is None:
            raise BadParameter("You must give a prompt.", field="prompt")
        if isinstance(value, str):
            return (_text(value, "prompt"),)
        if not isinstance(value, list) or not value:
            raise BadParameter(PROMPT_RULE, field="prompt")
        if isinstance(value[0], str | list) and len(value) > MAX_CHOICES:
            raise BadParameter(f"At most {MAX_CHOICES} prompts are taken at once.", field="prompt")
        if all(isinstance(each, str) for each in value):
            return tuple(_text(each, "prompt") for each in value)
        if _are_integers(value):
            return (value,)
        if all(isinstance(each, list) and each and _are_integers(each) for each in value):
            return tuple(value)
        raise BadParameter(PROMPT_RULE, field="prompt")

    def stops(self) -> tuple[str, ...]:
        value = self.data.get("stop")
        given = [] if value is None else [value] if isinstance(value, str) else value
        if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
            raise BadParameter("stop must be a string or a list of strings.", field="stop")
        if len(given) > MAX_STOP_STRINGS:
            raise BadParameter(f"At most {MAX_STOP_STRINGS} stop strings are taken.", field="stop")
        if any(len(each) > MAX_STOP_CHARACTERS for each in given):
            most = f"{MAX_STOP_CHARACTERS:,} characters"
            raise BadParameter(f"A stop string may have {most} at most.", field="stop")
        if any("\0" in each for each in given):
            raise BadParameter("A stop string may not hold the character U+0000.", field="stop")
        return tuple(_text(each, "stop") for each in given if each)

    def token_ids(self, name: str) -> tuple[int, ...]:
        """Some ids, each once; whether the model has them is asked later."""
        value = self.data.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not _are_integers(value):
            raise BadParameter(f"{name} must be a list of token ids.", field=name)
        _require_few(value, name, MAX_STOP_TOKEN_IDS)
        return tuple(dict.fromkeys(value))

    def biases(self, name: str) -> dict[int, float]:
        """A number to add to the logits of some ids, which JSON spells as names."""
        value = self.data.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise BadParameter(f"{name} must be an object of numbers by token id.", field=name)
        _require_few(value, name, MAX_LOGIT_BIASES)
        if not all(_is_number(each) and abs(each) <= MAX_LOGIT_BIAS for each in value.values()):
            rule = f"must be a number from -{MAX_LOGIT_BIAS:g} to {MAX_LOGIT_BIAS:g}"
            raise BadParameter(f"Each value in {name} {rule}.", field=name)
        return {_id_named(key, name): float(each) for key, each in value.items()}


PROMPT_RULE = (
    "prompt must be a string, a list of strings, a list of token ids, or a list of lists of token "
    "ids; no list may be empty."
)


def _is_number(value: Any) -> bool:
    """Tell a number from anything else: no truth value, NaN or integer that no float can hold."""
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return numeric and abs(value) <= sys.float_info.max


def _are_integers(values: list[Any]) -> bool:
    return all(type(each) is int for each in values)


def _require_few(values: list[Any] | dict[str, Any], name: str, most: int) -> None:
    if len(values) > most:
        raise BadParameter(f"{name} may name {most:,} tokens at most.", field=name)


def _id_named(key: str, name: str) -> int:
    """Read an id in its one decimal spelling, so that no token can be named twice."""
    if not (key.isascii() and key.isdecimal() and len(key) <= LONGEST_ID):
        raise BadParameter(f"Each name in {name} must be a token id.", field=name)
    if str(int(key)) != key:
        raise BadParameter(f"Write token ids in {name} without leading zeros.", field=name)
    return int(key)


def _text(value: str, field: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadParameter(f"{field} holds half of a surrogate pair.", field=field) from None
    return value

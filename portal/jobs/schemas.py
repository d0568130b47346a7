"""The fields of POST /v1/completions: from what was sent to a CompletionRequest, or BadParameter.

Unknown fields are ignored. Known ones that the engine cannot honour are refused, not ignored.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, TypeAlias

from portal.jobs.errors import BadParameter

Prompt: TypeAlias = "str | list[int]"

MAX_LOGPROBS = 5
MAX_N = 128
MAX_CHOICES = 1024
MAX_STOPS = 16
MAX_SEED = 2**63 - 1


@dataclass(frozen=True)
class CompletionRequest:
    """A request whose every field is in range, whatever the model. ``n`` choices per prompt."""

    model: str
    prompts: tuple[Prompt, ...]
    max_tokens: int = 16
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    n: int = 1
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    echo: bool = False
    stream: bool = False
    include_usage: bool = False
    ignore_eos: bool = False

    @property
    def looks_inside(self) -> bool:
        """Whether more than text is asked for: even 0 gives the chosen tokens' logprobs."""
        return self.logprobs is not None

    @property
    def sampling(self) -> dict[str, Any]:
        """As the job's row keeps it; names are the engine's."""
        return {
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "top_k": self.top_k,
            "seed": self.seed,
            "stop": list(self.stop),
            "logprobs": self.logprobs,
            "ignore_eos": self.ignore_eos,
        }


def parse_completion(data: dict[str, Any]) -> CompletionRequest:
    _refuse_unsupported(data)
    fields = _Fields(data)
    asked = CompletionRequest(
        model=fields.model(),
        prompts=read_prompts(data.get("prompt")),
        max_tokens=fields.integer("max_tokens", 16, 0),
        temperature=fields.number("temperature", 1.0, 0, 2),
        top_p=fields.number("top_p", 1.0, 0, 1, above_least=True),
        top_k=fields.integer("top_k", 0, -1),
        n=fields.integer("n", 1, 1, MAX_N),
        seed=fields.optional_integer("seed", -MAX_SEED - 1, MAX_SEED),
        stop=read_stops(data.get("stop")),
        logprobs=fields.optional_integer("logprobs", 0, MAX_LOGPROBS),
        echo=fields.flag("echo"),
        stream=fields.flag("stream"),
        include_usage=_include_usage(data),
        ignore_eos=fields.flag("ignore_eos"),
    )
    _require_consistent(asked, fields)
    return asked


def _require_consistent(asked: CompletionRequest, fields: _Fields) -> None:
    best_of = fields.optional_integer("best_of", 1, MAX_N)
    if best_of is not None and best_of != asked.n:
        raise BadParameter("best_of must equal n, or be left out.", field="best_of")
    if asked.max_tokens == 0 and not asked.echo:
        raise BadParameter("max_tokens may be 0 only with echo.", field="max_tokens")
    if len(asked.prompts) * asked.n > MAX_CHOICES:
        raise BadParameter(f"prompts times n may be {MAX_CHOICES} at most.", field="n")


class _Fields:
    """Typed reading of one object's fields; null is as good as absent."""

    def __init__(self, data: dict[str, Any]) -> None:
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
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        if not numeric or not abs(value) <= sys.float_info.max:  # NaN and huge integers too
            raise BadParameter(f"{name} must be a number.", field=name)
        if value < least or value > most or (above_least and value == least):
            span = f"over {least}, up to {most}" if above_least else f"from {least} to {most}"
            raise BadParameter(f"{name} must be {span}.", field=name)
        return float(value)


def read_prompts(value: Any) -> tuple[Prompt, ...]:
    """A string, several, ids, or lists of ids: always as several prompts."""
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
    if _are_ids(value):
        return (value,)
    if all(isinstance(each, list) and each and _are_ids(each) for each in value):
        return tuple(value)
    raise BadParameter(PROMPT_RULE, field="prompt")


PROMPT_RULE = (
    "prompt must be a string, a list of strings, a list of token ids, or a list of lists of token "
    "ids; no list may be empty."
)


def _are_ids(values: list[Any]) -> bool:
    return all(type(each) is int for each in values)


def _text(value: str, field: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadParameter(f"{field} holds half of a surrogate pair.", field=field) from None
    return value


def read_stops(value: Any) -> tuple[str, ...]:
    given = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise BadParameter("stop must be a string or a list of strings.", field="stop")
    if len(given) > MAX_STOPS:
        raise BadParameter(f"At most {MAX_STOPS} stop strings are taken.", field="stop")
    if any("\0" in each for each in given):
        raise BadParameter("A stop string may not hold the character U+0000.", field="stop")
    return tuple(_text(each, "stop") for each in given if each)


def _include_usage(data: dict[str, Any]) -> bool:
    options = data.get("stream_options")
    if options is None:
        return False
    if not data.get("stream"):
        raise BadParameter(
            "stream_options may be given only with stream set to true.", field="stream_options"
        )
    if not isinstance(options, dict):
        raise BadParameter("stream_options must be an object.", field="stream_options")
    include = options.get("include_usage")
    if include is not None and not isinstance(include, bool):
        raise BadParameter("include_usage must be true or false.", field="stream_options")
    return bool(include)


def _refuse_unsupported(data: dict[str, Any]) -> None:
    for name, neutral in NEUTRAL.items():
        if data.get(name) not in (None, *neutral):
            raise BadParameter(f"{name} is not supported. Leave it out.", field=name)


NEUTRAL: dict[str, tuple[Any, ...]] = {
    "suffix": ("",),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
}

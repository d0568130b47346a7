"""Validate sampling parameters. Names and defaults are vLLM's."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

MAX_SAMPLES = 16384  # vLLM's too
MAX_STOP_STRINGS = 16
MAX_STOP_TOKEN_IDS = 1024
MAX_LOGIT_BIASES = 1024
MAX_LOGIT_BIAS = 100.0
MAX_SEED = 2**63 - 1


@dataclass(frozen=True)
class SamplingParams:
    """The parameters by which a request's tokens are sampled and its text ends.

    Raises ValueError for a value out of range; nothing is rounded or clipped.

    n: samples per prompt. temperature: 0 is argmax. top_k: 0 or -1 for all tokens.
    min_p: keeps tokens at least so likely, as a share of the likeliest's probability.
    max_tokens: new tokens; 0 only scores the prompt; None runs to the model's length. min_tokens:
    before so many, neither an end nor a stop token is sampled, and no stop string is met.
    stop: a string or several; text ends before the first met, or with it, by
    include_stop_str_in_output. stop_token_ids: end the sample as the model's end tokens do.
    ignore_eos: the model's end tokens end nothing. seed: None for a random one.
    repetition_penalty: divides (or, below 0, multiplies) the logits of ids in prompt and output.
    frequency_penalty, presence_penalty: taken from logits of ids in the output, each time, once.
    logit_bias: added to the logits of these ids, first of all; -100 practically bans one.
    logprobs: alternatives listed per new token besides the chosen; 0 is the chosen alone,
    None nothing. prompt_logprobs: the same for prompt tokens. They are the model's own, before
    penalties, biases and temperature. structured_outputs: the form that the text must have, in
    vLLM's words (json, regex, choice, grammar), where the engine is one that holds text to a form.
    """

    n: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    max_tokens: int | None = 16
    stop: str | Iterable[str] | None = None
    seed: int | None = None
    logprobs: int | None = None
    prompt_logprobs: int | None = None
    ignore_eos: bool = False
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    min_p: float = 0.0
    min_tokens: int = 0
    stop_token_ids: Iterable[int] | None = None
    include_stop_str_in_output: bool = False
    logit_bias: Mapping[int, float] | None = None
    structured_outputs: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        # the class is frozen; collections are copied, so that the caller can't change them later
        object.__setattr__(self, "stop", _stops(self.stop))
        object.__setattr__(self, "stop_token_ids", _stop_token_ids(self.stop_token_ids))
        object.__setattr__(self, "logit_bias", _logit_bias(self.logit_bias))
        if self.structured_outputs is not None and not isinstance(self.structured_outputs, Mapping):
            raise ValueError("structured_outputs must map the name of a form to the form")
        self._require_integers()
        self._require_numbers()
        for name in ("ignore_eos", "include_stop_str_in_output"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be True or False, not {getattr(self, name)!r}")

    def _require_integers(self) -> None:
        _integer("n", self.n, 1, MAX_SAMPLES)
        _integer("top_k", self.top_k, -1)
        for name in ("max_tokens", "logprobs", "prompt_logprobs"):
            if getattr(self, name) is not None:
                _integer(name, getattr(self, name), 0)
        if self.seed is not None:
            _integer("seed", self.seed, -MAX_SEED - 1, MAX_SEED)
        _integer("min_tokens", self.min_tokens, 0)
        if self.max_tokens is not None and self.min_tokens > self.max_tokens:
            raise ValueError(
                f"min_tokens must be at most max_tokens, {self.max_tokens}, not {self.min_tokens}"
            )

    def _require_numbers(self) -> None:
        _number("temperature", self.temperature, 0)
        _number("top_p", self.top_p, 0, 1, over=True)
        _number("min_p", self.min_p, 0, 1)
        _number("presence_penalty", self.presence_penalty, -2, 2)
        _number("frequency_penalty", self.frequency_penalty, -2, 2)
        _number("repetition_penalty", self.repetition_penalty, 0, over=True)

    @property
    def stop_strings(self) -> tuple[str, ...]:
        """Stop strings, always as a tuple."""
        return _stops(self.stop)

    @property
    def greedy(self) -> bool:
        """Tell whether every token is the argmax."""
        return self.temperature == 0.0

    @property
    def penalises(self) -> bool:
        """Tell whether a penalty makes logits depend on the tokens before."""
        penalties = self.presence_penalty, self.frequency_penalty, self.repetition_penalty
        return penalties != (0, 0, 1)

    def with_max_tokens(self, max_tokens: int) -> "SamplingParams":
        """Return the same parameters with max_tokens decided."""
        return replace(self, max_tokens=max_tokens)


def _stops(stop: str | Iterable[str] | None) -> tuple[str, ...]:
    several = () if stop is None else (stop,) if isinstance(stop, str) else stop
    stops = tuple(several) if isinstance(several, Iterable) else (several,)
    if not all(isinstance(text, str) and text for text in stops):
        raise ValueError("stop must be a string or several, none of them empty")
    if len(stops) > MAX_STOP_STRINGS:
        raise ValueError(f"at most {MAX_STOP_STRINGS} stop strings are taken, not {len(stops)}")
    return stops


def _stop_token_ids(ids: Iterable[int] | None) -> tuple[int, ...]:
    tokens = () if ids is None else _listed("stop_token_ids", ids)
    for token in tokens:
        _integer("stop_token_ids", token, 0)
    if len(tokens) > MAX_STOP_TOKEN_IDS:
        raise ValueError(f"at most {MAX_STOP_TOKEN_IDS} stop_token_ids are taken")
    return tuple(dict.fromkeys(tokens))


def _logit_bias(biases: Mapping[int, float] | None) -> dict[int, float] | None:
    if biases is None:
        return None
    if not isinstance(biases, Mapping):
        raise ValueError("logit_bias must map token ids to numbers")
    if len(biases) > MAX_LOGIT_BIASES:
        raise ValueError(f"logit_bias must name at most {MAX_LOGIT_BIASES} ids, not {len(biases)}")
    for token, bias in biases.items():
        _integer("logit_bias's token ids", token, 0)
        _number(f"logit_bias of {token}", bias, -MAX_LOGIT_BIAS, MAX_LOGIT_BIAS)
    return dict(biases)


def _listed(name: str, ids: object) -> tuple[Any, ...]:
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):
        raise ValueError(f"{name} must be a list of token ids, not {ids!r}")
    return tuple(ids)


def _integer(name: str, value: object, least: int, most: int | None = None) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} must be an integer, not {value!r}")
    if value < least or (most is not None and value > most):
        bound = f"{least} or more" if most is None else f"between {least} and {most}"
        raise ValueError(f"{name} must be {bound}, not {value}")


def _number(
    name: str, value: object, least: float, most: float | None = None, *, over: bool = False
) -> None:
    """Require a number from least to most; with over, one above least."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"{name} must be a finite number, not {value!r}")
    if not abs(value) <= sys.float_info.max:  # nor NaN
        raise ValueError(f"{name} must be a finite number, not {value!r}")
    if value < least or (over and value == least) or (most is not None and value > most):
        low = f"over {least}" if over else f"{least} or more"
        bound = low if most is None else f"{low} and at most {most}"
        raise ValueError(f"{name} must be {bound}, not {value}")

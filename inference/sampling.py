"""How to draw tokens: validated parameters, names and defaults as vLLM has them."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace

MAX_STOP_STRINGS = 16
MAX_SEED = 2**63 - 1


@dataclass(frozen=True)
class SamplingParams:
    """Raises ValueError for a value out of range; nothing is rounded or clipped.

    n: samples per prompt. temperature: 0 is argmax. top_k: 0 or -1 for all tokens.
    max_tokens: new tokens; 0 only scores the prompt; None runs to the model's length.
    stop: a string or several; text ends before the first met. seed: None draws one.
    logprobs: alternatives listed per new token besides the chosen; 0 is the chosen alone,
    None nothing. prompt_logprobs: the same for prompt tokens.
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "stop", _stops(self.stop))
        _integer("n", self.n, 1)
        _integer("top_k", self.top_k, -1)
        for name in ("max_tokens", "logprobs", "prompt_logprobs"):
            if getattr(self, name) is not None:
                _integer(name, getattr(self, name), 0)
        if self.seed is not None:
            _integer("seed", self.seed, -MAX_SEED - 1, MAX_SEED)
        _number("temperature", self.temperature)
        _number("top_p", self.top_p)
        if self.temperature < 0:
            raise ValueError(f"temperature must be 0 or more, not {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be over 0 and at most 1, not {self.top_p}")

    @property
    def stop_strings(self) -> tuple[str, ...]:
        """The stop strings, always as a tuple."""
        return _stops(self.stop)

    @property
    def greedy(self) -> bool:
        """Whether every token is the argmax."""
        return self.temperature == 0.0

    def with_max_tokens(self, max_tokens: int) -> "SamplingParams":
        """The same parameters with max_tokens decided."""
        return replace(self, max_tokens=max_tokens)


def _stops(stop: str | Iterable[str] | None) -> tuple[str, ...]:
    found = () if stop is None else (stop,) if isinstance(stop, str) else tuple(stop)
    if not all(isinstance(text, str) and text for text in found):
        raise ValueError("stop must be a string or several, none of them empty")
    if len(found) > MAX_STOP_STRINGS:
        raise ValueError(f"at most {MAX_STOP_STRINGS} stop strings are taken, not {len(found)}")
    return found


def _integer(name: str, value: object, least: int, most: int | None = None) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} must be an integer, not {value!r}")
    if value < least or (most is not None and value > most):
        bound = f"{least} or more" if most is None else f"between {least} and {most}"
        raise ValueError(f"{name} must be {bound}, not {value}")


def _number(name: str, value: object) -> None:
    sound = isinstance(value, int | float) and not isinstance(value, bool)
    if not sound or not abs(value) <= sys.float_info.max:  # type: ignore[arg-type]  # nor NaN
        raise ValueError(f"{name} must be a finite number, not {value!r}")

"""Keep track of what sampling parameters change in a sample's logits before its draw. No torch."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from inference.engine.sampling_params import SamplingParams


def _ids(values: Iterable[int] = ()) -> "array[int]":
    return array("i", values)


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Sparse changes of one row of logits, in this order; ids are distinct within each.

    biased, biases: what is added to which. seen, counts: ids that the repetition penalty is for,
    and how often each was generated, for the other two. shut: ids that may not be drawn. Plain
    data of at most some bytes per token, so that it may go to other ranks with each step.
    """

    biased: "array[int]" = field(default_factory=_ids)
    biases: "array[float]" = field(default_factory=lambda: array("f"))
    seen: "array[int]" = field(default_factory=_ids)
    counts: "array[int]" = field(default_factory=_ids)
    repetition_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    shut: "array[int]" = field(default_factory=_ids)


class Adjuster:
    """Keeps one sample's adjustment up to date, token by token.

    A sample that waits for its turn costs nothing for its prompt's length: ids are counted from
    its first draw on.
    """

    def __init__(self, sampling: SamplingParams, prompt: Sequence[int], base: Adjustment) -> None:
        self._sampling, self._prompt, self._base = sampling, prompt, base
        self._generated = 0
        self._seen, self._counts = _ids(), _ids()
        self._places: dict[int, int] = {}  # of the ids seen

    def add(self, token: int) -> None:
        """Note one more generated token."""
        self._generated += 1
        if self._sampling.penalises:
            self._see_prompt()
            self._see(token)
            self._counts[self._places[token]] += 1

    def adjustment(self) -> Adjustment | None:
        """Return what is to be changed for the next draw; None where nothing is."""
        self._see_prompt()
        held_open = self._generated < self._sampling.min_tokens
        shut = self._base.shut if held_open else _ids()
        if not (self._base.biased or self._seen or shut):
            return None
        return replace(self._base, seen=self._seen[:], counts=self._counts[:], shut=shut)

    def _see_prompt(self) -> None:
        if not self._seen and self._sampling.repetition_penalty != 1:
            for token in self._prompt:
                self._see(token)

    def _see(self, token: int) -> None:
        if token not in self._places:
            self._places[token] = len(self._seen)
            self._seen.append(token)
            self._counts.append(0)


def base_adjustment(sampling: SamplingParams, ends: Iterable[int]) -> Adjustment | None:
    """Make what all samples of a request share: no ids seen, and those that would end it shut.

    Returns None where the parameters leave logits as they are.
    """
    if not (sampling.penalises or sampling.logit_bias or sampling.min_tokens):
        return None
    bias = sampling.logit_bias or {}
    return Adjustment(
        biased=_ids(bias),
        biases=array("f", bias.values()),
        repetition_penalty=sampling.repetition_penalty,
        frequency_penalty=sampling.frequency_penalty,
        presence_penalty=sampling.presence_penalty,
        shut=_ids(ends),
    )

"""What sampling parameters change in a sample's logits before its draw. Free of torch."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

from inference.sampling import SamplingParams


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
    """Keeps one sample's adjustment up to date, token by token."""

    def __init__(
        self, sampling: SamplingParams, prompt: Iterable[int], ends: Iterable[int]
    ) -> None:
        """Take the ids that would end the sample; they are shut for its first min_tokens."""
        bias = sampling.logit_bias or {}
        self._sampling = sampling
        self._biased, self._biases = _ids(bias), array("f", bias.values())
        self._shut = _ids(ends) if sampling.min_tokens else _ids()
        self._generated = 0
        repeated = dict.fromkeys(prompt) if sampling.repetition_penalty != 1 else {}
        self._seen, self._counts = _ids(repeated), array("i", bytes(4 * len(repeated)))
        self._places = {token: place for place, token in enumerate(repeated)}

    def add(self, token: int) -> None:
        """Note one more generated token."""
        self._generated += 1
        if not self._sampling.penalises:
            return
        place = self._places.setdefault(token, len(self._seen))
        if place == len(self._seen):
            self._seen.append(token)
            self._counts.append(0)
        self._counts[place] += 1

    def adjustment(self) -> Adjustment | None:
        """Return a copy of what is to be changed for the next draw; None where nothing is."""
        sampling = self._sampling
        shut = self._shut if self._generated < sampling.min_tokens else _ids()
        if not (self._biased or self._seen or shut):
            return None
        return Adjustment(
            self._biased,
            self._biases,
            self._seen[:],
            self._counts[:],
            sampling.repetition_penalty,
            sampling.frequency_penalty,
            sampling.presence_penalty,
            shut,
        )


def adjuster(
    sampling: SamplingParams, prompt: Iterable[int], ends: Iterable[int]
) -> Adjuster | None:
    """Make a sample's adjuster; None where its parameters leave logits as they are."""
    changes = sampling.penalises or sampling.logit_bias or sampling.min_tokens
    return Adjuster(sampling, prompt, ends) if changes else None

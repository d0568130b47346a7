"""Track what sampling parameters change in a sample's logits before its next token. No torch."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from inference.engine.sampling_params import SamplingParams


def _ids(values: Iterable[int] = ()) -> "array[int]":
    return array("i", values)


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Sparse changes of one row of logits, made in this order; ids are distinct within each.

    biased, biases: ids and what is added to their logits. penalized, counts: ids that the
    repetition penalty applies to, and how often each was generated, for the other two penalties.
    banned: ids that may not be sampled. Plain data of a few bytes per token, so that it may go to
    other ranks with each step.
    """

    biased: "array[int]" = field(default_factory=_ids)
    biases: "array[float]" = field(default_factory=lambda: array("f"))
    penalized: "array[int]" = field(default_factory=_ids)
    counts: "array[int]" = field(default_factory=_ids)
    repetition_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    banned: "array[int]" = field(default_factory=_ids)


class Adjuster:
    """Keeps one sample's adjustment up to date, token by token.

    The prompt's ids are read only when the first token is sampled, so that a sample that waits
    costs nothing, however long its prompt is.
    """

    def __init__(self, sampling: SamplingParams, prompt: Sequence[int], base: Adjustment) -> None:
        self._sampling, self._prompt, self._base = sampling, prompt, base
        self._generated = 0
        self._penalized, self._counts = _ids(), _ids()
        self._index_of: dict[int, int] = {}  # of each id in the two arrays

    def add(self, token: int) -> None:
        """Note one more generated token."""
        self._generated += 1
        if self._sampling.penalises:
            self._add_prompt()
            self._add_id(token)
            self._counts[self._index_of[token]] += 1

    def adjustment(self) -> Adjustment | None:
        """Return the adjustment for the next token; None if there is none."""
        self._add_prompt()
        may_end = self._generated >= self._sampling.min_tokens
        banned = _ids() if may_end else self._base.banned
        if not (self._base.biased or self._penalized or banned):
            return None
        return replace(
            self._base, penalized=self._penalized[:], counts=self._counts[:], banned=banned
        )

    def _add_prompt(self) -> None:
        if not self._penalized and self._sampling.repetition_penalty != 1:
            for token in self._prompt:
                self._add_id(token)

    def _add_id(self, token: int) -> None:
        if token not in self._index_of:
            self._index_of[token] = len(self._penalized)
            self._penalized.append(token)
            self._counts.append(0)


def base_adjustment(sampling: SamplingParams, ends: Iterable[int]) -> Adjustment | None:
    """Make the adjustment that all samples of a request start from; ends are banned.

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
        banned=_ids(ends),
    )

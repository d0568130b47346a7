"""Adjust logits, with the arithmetic of transformers' and vLLM's logits processors."""

from array import array
from collections.abc import Sequence

import torch
from torch import Tensor

from inference.engine.logits_adjustment import Adjustment

MAX_LOGIT = 1e30  # so that a penalised logit stays finite, also over the least temperature


def adjust(logits: Tensor, adjustments: Sequence[Adjustment], first: int = 0) -> None:
    """Change rows of logits in place, by one adjustment for each row.

    logits: [rows, own] fp32, of the ids ``first`` and on; other ids are another rank's to change.
    """
    for step in (_bias, _penalise, _ban):
        step(logits, adjustments, first)


def _bias(logits: Tensor, adjustments: Sequence[Adjustment], first: int) -> None:
    entries = _SparseEntries(logits, [adjustment.biased for adjustment in adjustments], first)
    if entries.any:
        entries.write(
            entries.read() + entries.of([adjustment.biases for adjustment in adjustments])
        )


def _penalise(logits: Tensor, adjustments: Sequence[Adjustment], first: int) -> None:
    """Apply the repetition penalty, then the frequency and presence penalties, as vLLM does."""
    entries = _SparseEntries(logits, [adjustment.penalized for adjustment in adjustments], first)
    if not entries.any:
        return
    values = entries.read()
    repetition = [adjustment.repetition_penalty for adjustment in adjustments]
    if any(penalty != 1 for penalty in repetition):
        penalties = entries.per_row(repetition).clamp(1 / MAX_LOGIT, MAX_LOGIT)
        values = torch.where(values < 0, values * penalties, values / penalties)
    frequency = [adjustment.frequency_penalty for adjustment in adjustments]
    presence = [adjustment.presence_penalty for adjustment in adjustments]
    if any(frequency) or any(presence):
        counts = entries.of([adjustment.counts for adjustment in adjustments])
        values -= entries.per_row(frequency) * counts
        values -= entries.per_row(presence) * (counts > 0)
    entries.write(values.clamp(-MAX_LOGIT, MAX_LOGIT))


def _ban(logits: Tensor, adjustments: Sequence[Adjustment], first: int) -> None:
    entries = _SparseEntries(logits, [adjustment.banned for adjustment in adjustments], first)
    if entries.any:
        entries.write(entries.read().fill_(-torch.inf))


class _SparseEntries:
    """Some ids' logits in each row, as far as this rank holds these ids."""

    def __init__(self, logits: Tensor, ids: "Sequence[array[int]]", first: int) -> None:
        self.any = any(ids)
        if not self.any:
            return
        # indices into the flattened rows, since rows have different numbers of entries
        self._flat, device = logits.view(-1), logits.device
        lengths = torch.tensor([len(row) for row in ids], device=device)
        rows = torch.arange(len(ids), device=device).repeat_interleave(lengths)
        columns = _joined(ids, torch.int32).to(device).long() - first
        self._own = (columns >= 0) & (columns < logits.shape[-1])
        self._rows = rows[self._own]
        self._places = self._rows * logits.shape[-1] + columns[self._own]

    def read(self) -> Tensor:
        return self._flat.gather(0, self._places)

    def write(self, values: Tensor) -> None:
        self._flat.scatter_(0, self._places, values)

    def of(self, values: "Sequence[array[int]] | Sequence[array[float]]") -> Tensor:
        """Return the values that stand beside the ids, one for each entry."""
        kind = torch.float32 if values[0].typecode == "f" else torch.int32
        return _joined(values, kind).to(self._flat.device)[self._own].float()

    def per_row(self, values: list[float]) -> Tensor:
        """Return its row's value for each entry."""
        return torch.tensor(values, device=self._flat.device)[self._rows]


def _joined(values: "Sequence[array[int]] | Sequence[array[float]]", dtype: torch.dtype) -> Tensor:
    whole = bytearray().join(values)
    return torch.frombuffer(whole, dtype=dtype)

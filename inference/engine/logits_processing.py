"""Adjustments made to logits, with the arithmetic of transformers' and vLLM's processors."""

from array import array
from collections.abc import Sequence

import torch
from torch import Tensor

from inference.engine.logits_state import Adjustment

FARTHEST = 1e30  # so that a penalised logit stays a number, also divided by the least temperature


def adjust(logits: Tensor, adjustments: Sequence[Adjustment], first: int = 0) -> None:
    """Change rows of logits in place, one adjustment a row.

    logits: [rows, own] fp32, of the ids ``first`` and on; changes at other ids are another rank's.
    """
    for step in (_bias, _penalise, _shut):
        step(logits, adjustments, first)


def _bias(logits: Tensor, adjustments: Sequence[Adjustment], first: int) -> None:
    found = _Places(logits, [each.biased for each in adjustments], first)
    if found.any:
        found.write(found.read() + found.of([each.biases for each in adjustments]))


def _penalise(logits: Tensor, adjustments: Sequence[Adjustment], first: int) -> None:
    """Apply the penalty for all ids seen, then those for what was generated."""
    found = _Places(logits, [each.seen for each in adjustments], first)
    if not found.any:
        return
    values = found.read()
    repetition = [each.repetition_penalty for each in adjustments]
    if any(penalty != 1 for penalty in repetition):
        penalties = found.per_row(repetition).clamp(1 / FARTHEST, FARTHEST)
        values = torch.where(values < 0, values * penalties, values / penalties)
    frequency = [each.frequency_penalty for each in adjustments]
    presence = [each.presence_penalty for each in adjustments]
    if any(frequency) or any(presence):
        counts = found.of([each.counts for each in adjustments])
        values -= found.per_row(frequency) * counts
        values -= found.per_row(presence) * (counts > 0)
    found.write(values.clamp(-FARTHEST, FARTHEST))


def _shut(logits: Tensor, adjustments: Sequence[Adjustment], first: int) -> None:
    found = _Places(logits, [each.shut for each in adjustments], first)
    if found.any:
        found.write(found.read().fill_(-torch.inf))


class _Places:
    """Places in rows of logits, some in each row, of which this rank has those of its own ids."""

    def __init__(self, logits: Tensor, ids: "Sequence[array[int]]", first: int) -> None:
        self.any = any(ids)
        if not self.any:
            return
        self._flat, device = logits.view(-1), logits.device
        lengths = torch.tensor([len(each) for each in ids], device=device)
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
        """Return a number for each place: those that stand beside the ids."""
        kind = torch.float32 if values[0].typecode == "f" else torch.int32
        return _joined(values, kind).to(self._flat.device)[self._own].float()

    def per_row(self, values: list[float]) -> Tensor:
        """Return a number for each place: its row's."""
        return torch.tensor(values, device=self._flat.device)[self._rows]


def _joined(values: "Sequence[array[int]] | Sequence[array[float]]", dtype: torch.dtype) -> Tensor:
    whole = bytearray().join(values)
    return torch.frombuffer(whole, dtype=dtype)

"""What a sampler may ask of a step's logits, and the answers where they lie whole in one place.

Where ranks hold a slice of the vocabulary each, every question is answered by each rank for its
slice and then joined; no question needs the whole row. So the sampler is the same for both.
"""

from collections.abc import Sequence
from typing import Protocol, Self

import torch
from torch import Tensor

from inference.engine.logits_processing import adjust
from inference.engine.logits_state import Adjustment


class Logits(Protocol):
    """[rows, vocab] fp32 before temperature. All results are the same on every rank.

    Ids past the drawable ones (a vocabulary filled up for its size) are never best, nor drawn.
    """

    @property
    def rows(self) -> int:
        """How many rows."""
        ...

    @property
    def drawable(self) -> int:
        """Ids 0 .. drawable - 1 may be drawn."""
        ...

    @property
    def device(self) -> torch.device:
        """Where questions' tensors must lie, and answers do."""
        ...

    def select(self, rows: Tensor) -> Self:
        """The same questions about these rows alone: [n] int64."""
        ...

    def adjusted(self, rows: Tensor, adjustments: Sequence[Adjustment]) -> Self:
        """Return the same questions about these rows, [n] int64, after their adjustments."""
        ...

    def finite(self) -> Tensor:
        """[rows] bool: whether the whole row holds numbers."""
        ...

    def best(self, count: int) -> tuple[Tensor, Tensor]:
        """The highest logits and their ids, both [rows, count], in order; ties go to low ids."""
        ...

    def noised_best(self, temperatures: Tensor, keys: Tensor) -> Tensor:
        """[rows] ids: argmax of logits / temperature + gumbel(key, id); both given are [rows]."""
        ...

    def mass(self, temperatures: Tensor) -> Tensor:
        """[rows] log of the sum of exp(logits / temperature) over what may be drawn."""
        ...

    def normalizer(self) -> Tensor:
        """[rows] log of the sum of exp(logits) over the whole vocabulary."""
        ...

    def at(self, ids: Tensor) -> Tensor:
        """[rows] logits of one id in each row; ids: [rows] int64."""
        ...

    def above(self, values: Tensor) -> Tensor:
        """[rows] how many logits of each row are over its value; values: [rows]."""
        ...


class WholeLogits:
    """Logits that one device holds whole."""

    def __init__(self, values: Tensor, drawable: int) -> None:
        self._values = values
        self._open = values[:, :drawable]
        self.rows, self.drawable = self._open.shape
        self.device = values.device

    def select(self, rows: Tensor) -> "WholeLogits":
        """The same questions about these rows alone: [n] int64."""
        return WholeLogits(self._values.index_select(0, rows.to(self.device)), self.drawable)

    def adjusted(self, rows: Tensor, adjustments: Sequence[Adjustment]) -> "WholeLogits":
        """Return the same questions about these rows, [n] int64, after their adjustments."""
        chosen = self.select(rows)  # a copy
        adjust(chosen._values, adjustments)
        return chosen

    def finite(self) -> Tensor:
        """[rows] bool: whether the whole row holds numbers."""
        return self._values.sum(dim=-1).isfinite()  # one pass; a sum keeps infinity and NaN

    def best(self, count: int) -> tuple[Tensor, Tensor]:
        """The highest logits and their ids, both [rows, count], in order; ties go to low ids."""
        return best_of(self._open, count)

    def noised_best(self, temperatures: Tensor, keys: Tensor) -> Tensor:
        """[rows] ids: argmax of logits / temperature + gumbel(key, id); both given are [rows]."""
        ids = torch.arange(self.drawable, device=keys.device)
        return (self._open / temperatures[:, None] + gumbel(keys, ids)).argmax(dim=-1)

    def mass(self, temperatures: Tensor) -> Tensor:
        """[rows] log of the sum of exp(logits / temperature) over what may be drawn."""
        return (self._open / temperatures[:, None]).logsumexp(dim=-1)

    def normalizer(self) -> Tensor:
        """[rows] log of the sum of exp(logits) over the whole vocabulary."""
        return self._values.logsumexp(dim=-1)

    def at(self, ids: Tensor) -> Tensor:
        """[rows] logits of one id in each row; ids: [rows] int64."""
        return self._values.gather(1, ids[:, None])[:, 0]

    def above(self, values: Tensor) -> Tensor:
        """[rows] how many logits of each row are over its value; values: [rows]."""
        return (self._values > values[:, None]).sum(dim=-1)


def best_of(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The count highest of values [rows, n] and their columns, in order; ties go to low columns."""
    if count == 1:
        top = values.max(dim=-1, keepdim=True)  # the first of equals
        return top.values, top.indices
    found = values.topk(min(count + 1, values.shape[-1]), dim=-1)
    ids, cut = found.indices, found.values[:, count - 1 :]
    if cut.shape[-1] > 1 and bool((cut[:, 0] == cut[:, 1]).any()):  # topk chose among equals
        ids = torch.arange(values.shape[-1], device=values.device).expand_as(values)
    return best_among(values.gather(-1, ids), ids, count)


def best_among(values: Tensor, ids: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The count highest of values and their ids, in order; ties go to low ids. All [rows, n].

    It ranks keys of value and id: the float's bits, made to stand in the order of numbers, then
    the id, reversed.
    """
    bits = (values.float() + 0.0).view(torch.int32).long()  # + 0.0: no -0.0, which is below 0.0
    ordered = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    places = (ordered * 2**32 - ids).topk(count, dim=-1).indices
    return values.gather(-1, places), ids.gather(-1, places)


def gumbel(keys: Tensor, ids: Tensor) -> Tensor:
    """Standard Gumbel noise [rows, n] fp32, a pure function of key and id, by splitmix64.

    keys: [rows] int64; ids: [n] or [rows, n] int64.
    """
    state = keys[:, None] + (ids + 1) * -7046029254386353131
    state = (state ^ _shift(state, 30)) * -4658895280553007687
    state = (state ^ _shift(state, 27)) * -7723592293110705685
    state = state ^ _shift(state, 31)
    uniform = (_shift(state, 11).double() + 0.5) * 2.0**-53
    return (-(-uniform.log()).log()).float()


def _shift(state: Tensor, bits: int) -> Tensor:
    """Shift right as if unsigned."""
    return (state >> bits) & ((1 << (64 - bits)) - 1)

"""The operations that a sampler needs of a step's logits, and these over whole rows.

Where each rank holds a slice of the vocabulary, every operation runs on each rank's slice, and the
small results are joined; none needs the whole row. So one sampler serves both.
"""

from collections.abc import Sequence
from typing import Protocol, Self

import torch
from torch import Tensor

from inference.engine.logits_adjustment import Adjustment
from inference.engine.logits_processing import adjust


class Logits(Protocol):
    """Logits [rows, vocab] fp32 before temperature. All results are the same on every rank.

    Ids from sampled_vocab_size on only pad the vocabulary to a round size: ``topk`` leaves them
    out, and they are never sampled.
    """

    @property
    def rows(self) -> int:
        """Number of rows."""
        ...

    @property
    def sampled_vocab_size(self) -> int:
        """Number of ids that may be sampled, from 0 on."""
        ...

    @property
    def device(self) -> torch.device:
        """Device of arguments and results."""
        ...

    def select(self, rows: Tensor) -> Self:
        """Return these rows alone: [n] int64."""
        ...

    def adjusted(self, rows: Tensor, adjustments: Sequence[Adjustment]) -> Self:
        """Return copies of these rows, [n] int64, after one adjustment each."""
        ...

    def finite(self) -> Tensor:
        """Return [rows] bool: True where the whole row is finite."""
        ...

    def topk(self, count: int) -> tuple[Tensor, Tensor]:
        """Return the highest logits and their ids: [rows, count], in order, ties by low ids."""
        ...

    def gumbel_argmax(self, temperatures: Tensor, keys: Tensor) -> Tensor:
        """Return [rows] ids: argmax of logits / temperature + gumbel(key, id)."""
        ...

    def scaled_logsumexp(self, temperatures: Tensor) -> Tensor:
        """Return [rows] logsumexp of logits / temperature, over ids that may be sampled."""
        ...

    def logsumexp(self) -> Tensor:
        """Return [rows] logsumexp of the logits over the whole vocabulary."""
        ...

    def at(self, ids: Tensor) -> Tensor:
        """Return [rows] logits of one id in each row; ids: [rows] int64."""
        ...

    def count_above(self, values: Tensor) -> Tensor:
        """Return [rows] the number of each row's logits above its value; values: [rows]."""
        ...


class WholeLogits:
    """Logits of which one device holds whole rows."""

    def __init__(self, values: Tensor, sampled_vocab_size: int) -> None:
        self._values = values
        self._sampled = values[:, :sampled_vocab_size]
        self.rows, self.sampled_vocab_size = self._sampled.shape
        self.device = values.device

    def select(self, rows: Tensor) -> "WholeLogits":
        """Return these rows alone: [n] int64."""
        return WholeLogits(
            self._values.index_select(0, rows.to(self.device)), self.sampled_vocab_size
        )

    def adjusted(self, rows: Tensor, adjustments: Sequence[Adjustment]) -> "WholeLogits":
        """Return copies of these rows, [n] int64, after one adjustment each."""
        copies = self.select(rows)
        adjust(copies._values, adjustments)
        return copies

    def finite(self) -> Tensor:
        """Return [rows] bool: True where the whole row is finite."""
        return self._values.sum(dim=-1).isfinite()  # in one pass: a sum keeps infinity and NaN

    def topk(self, count: int) -> tuple[Tensor, Tensor]:
        """Return the highest logits and their ids: [rows, count], in order, ties by low ids."""
        return topk_of(self._sampled, count)

    def gumbel_argmax(self, temperatures: Tensor, keys: Tensor) -> Tensor:
        """Return [rows] ids: argmax of logits / temperature + gumbel(key, id)."""
        ids = torch.arange(self.sampled_vocab_size, device=keys.device)
        return (self._sampled / temperatures[:, None] + gumbel(keys, ids)).argmax(dim=-1)

    def scaled_logsumexp(self, temperatures: Tensor) -> Tensor:
        """Return [rows] logsumexp of logits / temperature, over ids that may be sampled."""
        return (self._sampled / temperatures[:, None]).logsumexp(dim=-1)

    def logsumexp(self) -> Tensor:
        """Return [rows] logsumexp of the logits over the whole vocabulary."""
        return self._values.logsumexp(dim=-1)

    def at(self, ids: Tensor) -> Tensor:
        """Return [rows] logits of one id in each row; ids: [rows] int64."""
        return self._values.gather(1, ids[:, None])[:, 0]

    def count_above(self, values: Tensor) -> Tensor:
        """Return [rows] the number of each row's logits above its value; values: [rows]."""
        return (self._values > values[:, None]).sum(dim=-1)


def topk_of(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the count highest of values [rows, n] and their columns; ties go to low columns.

    torch's topk takes any of several equal values, so one more is looked at: where it equals the
    last one taken, all columns are ranked by value and number.
    """
    if count == 1:
        top = values.max(dim=-1, keepdim=True)  # takes the first of equals
        return top.values, top.indices
    candidates = values.topk(min(count + 1, values.shape[-1]), dim=-1)
    ids, edge = candidates.indices, candidates.values[:, count - 1 :]
    if edge.shape[-1] > 1 and bool((edge[:, 0] == edge[:, 1]).any()):
        ids = torch.arange(values.shape[-1], device=values.device).expand_as(values)
    return topk_by_id(values.gather(-1, ids), ids, count)


def topk_by_id(values: Tensor, ids: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the count highest of values and their ids; ties go to low ids. All are [rows, n].

    Values are ranked by integer keys: the float's bits, changed so that they sort as the numbers
    do, then the id, reversed.
    """
    bits = (values.float() + 0.0).view(torch.int32).long()  # + 0.0: no -0.0, which is below 0.0
    ordered = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    places = (ordered * 2**32 - ids).topk(count, dim=-1).indices
    return values.gather(-1, places), ids.gather(-1, places)


def gumbel(keys: Tensor, ids: Tensor) -> Tensor:
    """Return standard Gumbel noise [rows, n] fp32, a pure function of key and id, by splitmix64.

    keys: [rows] int64; ids: [n] or [rows, n] int64.
    """
    # splitmix64's constants, as the signed numbers of the same 64 bits
    state = keys[:, None] + (ids + 1) * -7046029254386353131
    state = (state ^ _shift(state, 30)) * -4658895280553007687
    state = (state ^ _shift(state, 27)) * -7723592293110705685
    state = state ^ _shift(state, 31)
    # 53 bits, a double's precision; the half keeps the number off 0 and 1, where a log is infinite
    uniform = (_shift(state, 11).double() + 0.5) * 2.0**-53
    return (-(-uniform.log()).log()).float()


def _shift(state: Tensor, bits: int) -> Tensor:
    """Shift right as unsigned numbers are."""
    return (state >> bits) & ((1 << (64 - bits)) - 1)

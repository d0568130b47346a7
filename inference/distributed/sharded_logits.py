"""Logits of which each tensor rank holds a slice of the vocabulary.

Each answers for its slice, and the answers are joined: a step's draw moves a few numbers per row
between ranks, never the row. Every question must be put on all tensor ranks in the same order.
"""

from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from inference.distributed.communicator import Group
from inference.engine.logits import best_among, best_of, gumbel
from inference.engine.logits_processing import adjust
from inference.engine.logits_state import Adjustment

_NO_ID = 2**31 - 1


class SlicedLogits:
    """values: [rows, own] fp32, of ids first and on. See ``Logits`` for the rest."""

    def __init__(self, values: Tensor, first: int, drawable: int, group: Group) -> None:
        self._values, self._first, self._group = values, first, group
        self._open = values[:, : max(min(drawable - first, values.shape[-1]), 0)]
        self.rows, self.drawable = len(values), drawable
        self.device = values.device

    def select(self, rows: Tensor) -> "SlicedLogits":
        """The same questions about these rows alone: [n] int64."""
        own = self._values.index_select(0, rows.to(self.device))
        return SlicedLogits(own, self._first, self.drawable, self._group)

    def adjusted(self, rows: Tensor, adjustments: Sequence[Adjustment]) -> "SlicedLogits":
        """Return the same questions about these rows, [n] int64, after their adjustments."""
        chosen = self.select(rows)  # a copy
        adjust(chosen._values, adjustments, self._first)
        return chosen

    def finite(self) -> Tensor:
        """[rows] bool: whether the whole row holds numbers."""
        own = self._values.isfinite().all(dim=-1).int()
        return self._group.reduce(own, dist.ReduceOp.MIN).bool()

    def best(self, count: int) -> tuple[Tensor, Tensor]:
        """The highest logits and their ids, both [rows, count], in order; ties go to low ids."""
        own = min(count, self._open.shape[-1])
        values, columns = best_of(self._open, own) if own else self._none()
        return self._join(values, columns + self._first, count)

    def noised_best(self, temperatures: Tensor, keys: Tensor) -> Tensor:
        """[rows] ids: argmax of logits / temperature + gumbel(key, id); both given are [rows]."""
        ids = torch.arange(self._open.shape[-1], device=keys.device) + self._first
        noised = self._open / temperatures[:, None] + gumbel(keys, ids)
        values, columns = best_of(noised, 1) if len(ids) else self._none()
        return self._join(values, columns + self._first, 1)[1][:, 0]

    def mass(self, temperatures: Tensor) -> Tensor:
        """[rows] log of the sum of exp(logits / temperature) over what may be drawn."""
        own = (self._open / temperatures[:, None]).logsumexp(dim=-1)
        return self._group.gather(own).logsumexp(dim=0)

    def normalizer(self) -> Tensor:
        """[rows] log of the sum of exp(logits) over the whole vocabulary."""
        return self._group.gather(self._values.logsumexp(dim=-1)).logsumexp(dim=0)

    def at(self, ids: Tensor) -> Tensor:
        """[rows] logits of one id in each row; ids: [rows] int64."""
        columns = ids - self._first
        foreign = (columns < 0) | (columns >= self._values.shape[-1])
        own = self._values.gather(1, columns.masked_fill(foreign, 0)[:, None])[:, 0]
        return self._group.reduce(own.masked_fill(foreign, 0.0), dist.ReduceOp.SUM)

    def above(self, values: Tensor) -> Tensor:
        """[rows] how many logits of each row are over its value; values: [rows]."""
        own = (self._values > values[:, None]).sum(dim=-1)
        return self._group.reduce(own, dist.ReduceOp.SUM)

    def _none(self) -> tuple[Tensor, Tensor]:
        empty = self._open[:, :0]
        return empty, empty.long()

    def _join(self, values: Tensor, ids: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The best of everyone's best; values and their ids travel as one."""
        rows, own = values.shape
        bits = values.new_full((rows, count), -torch.inf)
        bits[:, :own] = values
        named = ids.new_full((rows, count), _NO_ID)
        named[:, :own] = ids
        found = self._group.gather(torch.stack([bits.view(torch.int32).long(), named]))
        all_values, all_ids = found.permute(1, 2, 0, 3).flatten(2)  # each [rows, ranks * count]
        return best_among(all_values.int().view(torch.float32), all_ids, count)

"""Sample from logits of which each tensor rank holds a slice of the vocabulary.

Each rank works on its slice, and the results are joined: sampling moves a few numbers per row
between ranks, never the row. Every method is collective: all tensor ranks must call it, in the
same order.
"""

from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from inference.distributed.communicator import Communicator
from inference.engine.logits import gumbel, topk_by_id, topk_of
from inference.engine.logits_adjustment import Adjustment
from inference.engine.logits_processing import adjust

_NO_ID = 2**31 - 1


class ShardedLogits:
    """One rank's slice of logits: [rows, own] fp32, of the ids first and on. See ``Logits``."""

    def __init__(
        self, values: Tensor, first: int, sampled_vocab_size: int, communicator: Communicator
    ) -> None:
        self._values, self._first, self._communicator = values, first, communicator
        self._sampled = values[:, : max(min(sampled_vocab_size - first, values.shape[-1]), 0)]
        self.rows, self.sampled_vocab_size = len(values), sampled_vocab_size
        self.device = values.device

    def select(self, rows: Tensor) -> "ShardedLogits":
        """Return these rows alone: [n] int64."""
        own = self._values.index_select(0, rows.to(self.device))
        return ShardedLogits(own, self._first, self.sampled_vocab_size, self._communicator)

    def adjusted(self, rows: Tensor, adjustments: Sequence[Adjustment]) -> "ShardedLogits":
        """Return copies of these rows, [n] int64, after one adjustment each."""
        copies = self.select(rows)
        adjust(copies._values, adjustments, self._first)
        return copies

    def finite(self) -> Tensor:
        """Return [rows] bool: True where the whole row is finite."""
        # a row is finite if every rank's slice is: the least of 0s and 1s
        own = self._values.isfinite().all(dim=-1).int()
        return self._communicator.all_reduce(own, dist.ReduceOp.MIN).bool()

    def topk(self, count: int) -> tuple[Tensor, Tensor]:
        """Return the highest logits and their ids: [rows, count], in order, ties by low ids."""
        own = min(count, self._sampled.shape[-1])
        values, columns = topk_of(self._sampled, own) if own else self._empty()
        return self._join(values, columns + self._first, count)

    def gumbel_argmax(self, temperatures: Tensor, keys: Tensor) -> Tensor:
        """Return [rows] ids: argmax of logits / temperature + gumbel(key, id)."""
        ids = torch.arange(self._sampled.shape[-1], device=keys.device) + self._first
        noised = self._sampled / temperatures[:, None] + gumbel(keys, ids)
        values, columns = topk_of(noised, 1) if len(ids) else self._empty()
        return self._join(values, columns + self._first, 1)[1][:, 0]

    def scaled_logsumexp(self, temperatures: Tensor) -> Tensor:
        """Return [rows] logsumexp of logits / temperature, over ids that may be sampled."""
        own = (self._sampled / temperatures[:, None]).logsumexp(dim=-1)
        return self._communicator.all_gather(own).logsumexp(dim=0)

    def logsumexp(self) -> Tensor:
        """Return [rows] logsumexp of the logits over the whole vocabulary."""
        return self._communicator.all_gather(self._values.logsumexp(dim=-1)).logsumexp(dim=0)

    def at(self, ids: Tensor) -> Tensor:
        """Return [rows] logits of one id in each row; ids: [rows] int64."""
        columns = ids - self._first
        foreign = (columns < 0) | (columns >= self._values.shape[-1])
        own = self._values.gather(1, columns.masked_fill(foreign, 0)[:, None])[:, 0]
        return self._communicator.all_reduce(own.masked_fill(foreign, 0.0), dist.ReduceOp.SUM)

    def count_above(self, values: Tensor) -> Tensor:
        """Return [rows] the number of each row's logits above its value; values: [rows]."""
        own = (self._values > values[:, None]).sum(dim=-1)
        return self._communicator.all_reduce(own, dist.ReduceOp.SUM)

    def _empty(self) -> tuple[Tensor, Tensor]:
        empty = self._sampled[:, :0]
        return empty, empty.long()

    def _join(self, values: Tensor, ids: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Return the count highest of all ranks' values, with their ids.

        Values travel as their bits beside the ids, so that one exchange moves both.
        """
        rows, own = values.shape
        padded = values.new_full((rows, count), -torch.inf)
        padded[:, :own] = values
        padded_ids = ids.new_full((rows, count), _NO_ID)
        padded_ids[:, :own] = ids
        packed = torch.stack([padded.view(torch.int32).long(), padded_ids])
        gathered = self._communicator.all_gather(packed)
        all_values, all_ids = gathered.permute(1, 2, 0, 3).flatten(2)  # each [rows, ranks * count]
        return topk_by_id(all_values.int().view(torch.float32), all_ids, count)

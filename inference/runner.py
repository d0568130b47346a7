"""Devices, buffers and the cache's memory; nothing else owns any."""

from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from inference.attention import CachedAttention, Singles, Span
from inference.config import OptConfig
from inference.logits import Logits, WholeLogits
from inference.opt import OptModel
from inference.scheduler import Batch, Row
from inference.sequence import Sequence

Blocks = tuple[int, ...]
BLOCK_SIZE = 16
CPU_CACHE_BYTES = 2**30
GPU_MEMORY_SHARE = 0.9


class Runner:
    """Runs batches of rows through the model over a cache of blocks * BLOCK_SIZE slots.

    drawable: ids 0 .. drawable - 1 may be drawn.
    """

    def __init__(self, model: OptModel, blocks: int, device: str, drawable: int) -> None:
        self.model = model
        self._drawable = drawable
        self._device = torch.device(device)
        self._dtype = cache_dtype(device, next(model.parameters()).dtype)
        config = model.config
        heads, width = config.num_attention_heads, config.head_dim
        shape = (2, config.num_hidden_layers, blocks * BLOCK_SIZE, heads, width)
        self._slots: WeakKeyDictionary[Sequence, tuple[Blocks, Tensor]] = WeakKeyDictionary()
        self._keys, self._values = torch.empty(shape, dtype=self._dtype, device=self._device)

    @torch.inference_mode()
    def forward(self, batch: Batch) -> Logits:
        """Logits of each row's last logit_count tokens, row after row."""
        tokens = [token for row in batch for token in row.sequence.tokens(row.start, row.count)]
        positions = [p for row in batch for p in range(row.start, row.start + row.count)]
        slots = [self._slots_of(row) for row in batch]
        written = torch.cat([own[row.start :] for row, own in zip(batch, slots, strict=True)])
        attend = CachedAttention(
            self._keys, self._values, self._place(written), *self._plan(batch, slots)
        )
        logits = self.model(
            self._place(torch.tensor(tokens)),
            self._place(torch.tensor(positions)),
            attend,
            self._place(_logit_rows(batch)),
        )
        return WholeLogits(logits, self._drawable)

    def _slots_of(self, row: Row) -> Tensor:
        """Slots of positions 0 .. end - 1; made anew only when the sequence has other blocks."""
        blocks = row.sequence.blocks
        known = self._slots.get(row.sequence)
        if known is None or known[0] is not blocks:
            known = self._slots[row.sequence] = (blocks, _slots(blocks))
        return known[1][: row.end]

    def _plan(self, batch: Batch, slots: list[Tensor]) -> tuple[Singles | None, list[Span]]:
        singles, spans, first = [], [], 0
        for row, own in zip(batch, slots, strict=True):
            if row.count == 1:
                singles.append((first, own))
            else:
                spans.append(Span(first, first + row.count, self._place(own)))
            first += row.count
        return (self._singles(singles) if singles else None), spans

    def _singles(self, found: list[tuple[int, Tensor]]) -> Singles:
        lengths = torch.tensor([len(own) for _, own in found])
        longest = int(lengths.max())
        context = torch.stack([_padded(own, longest) for _, own in found])
        visible = torch.arange(longest) < lengths[:, None]
        return Singles(
            self._place(torch.tensor([first for first, _ in found])),
            self._place(context),
            None if bool(visible.all()) else self._place(visible[:, None, None, :]),
        )

    def _place(self, tensor: Tensor) -> Tensor:
        return tensor.to(self._device)


def cache_dtype(device: str, dtype: torch.dtype) -> torch.dtype:
    """Attention runs in the cache's dtype; on CPUs it is several times faster in fp32."""
    return torch.float32 if device == "cpu" else dtype


def cache_blocks(
    config: OptConfig,
    dtype: torch.dtype,
    device: str,
    *,
    seqs: int,
    model_len: int,
    limit: int | None,
) -> int:
    """Blocks for so many sequences of full length, cut to limit bytes.

    limit None is 90 % of a GPU's free memory, or on a CPU 1 GiB and one full sequence at least.
    Raises ValueError where not one block fits.
    """
    item = torch.empty((), dtype=cache_dtype(device, dtype)).element_size()
    block_bytes = 2 * config.num_hidden_layers * config.hidden_size * item * BLOCK_SIZE
    full = -(-model_len // BLOCK_SIZE)
    if limit is None and device == "cpu":
        limit = max(CPU_CACHE_BYTES, full * block_bytes)
    elif limit is None:
        limit = int(torch.cuda.mem_get_info(device)[0] * GPU_MEMORY_SHARE)
    blocks = min(seqs * full, limit // block_bytes)
    if blocks < 1:
        raise ValueError(f"{limit} bytes of cache hold not one block of {block_bytes} bytes")
    return blocks


def _slots(blocks: Blocks) -> Tensor:
    """[blocks * BLOCK_SIZE] int64, in the order of positions."""
    firsts = torch.tensor(blocks)[:, None] * BLOCK_SIZE
    return (firsts + torch.arange(BLOCK_SIZE)).flatten()


def _padded(slots: Tensor, length: int) -> Tensor:
    """Filled up with its own first slot: another's stale values could be NaN, and 0 * NaN is."""
    return torch.cat([slots, slots[:1].expand(length - len(slots))])


def _logit_rows(batch: Batch) -> Tensor:
    rows: list[int] = []
    end = 0
    for row in batch:
        end += row.count
        rows.extend(range(end - row.logit_count, end))
    return torch.tensor(rows, dtype=torch.int64)

"""Run chunks through a model over a paged KV cache. Nothing else owns devices or buffers."""

from collections.abc import Iterable
from functools import lru_cache

import torch
from torch import Tensor

from inference.config import OptConfig
from inference.engine.chunks import Chunk, capture_spans, chunks_of
from inference.engine.logits import WholeLogits
from inference.engine.scheduler import Batch
from inference.engine.step import LogitsOutput, LogitsRequest, add_captured, read_logits
from inference.model.attention import Attend, CachedAttention, DecodeBatch, SequenceSpan, Slots
from inference.model.hooks import ForwardHooks, RowSnapshot, hooked
from inference.model.layout import WHOLE, Layout
from inference.model.opt import OptModel

BLOCK_SIZE = 16
CPU_CACHE_BYTES = 2**30
GPU_MEMORY_SHARE = 0.9


class ModelRunner:
    """Runs chunks through one rank's layers over its KV cache of num_blocks * BLOCK_SIZE slots.

    sampled_vocab_size: ids 0 .. sampled_vocab_size - 1 may be sampled.
    """

    def __init__(
        self,
        model: OptModel,
        num_blocks: int,
        device: str,
        dtype: torch.dtype,
        sampled_vocab_size: int,
    ) -> None:
        self.model, self.num_blocks, self.sampled_vocab_size = model, num_blocks, sampled_vocab_size
        self._captured: list[RowSnapshot] = []
        self._device = torch.device(device)
        config, layout = model.config, model.layout
        self._layers = layout.layers(config.num_hidden_layers)
        heads, width = len(layout.share(config.num_attention_heads)), config.head_dim
        shape = (2, len(self._layers), num_blocks * BLOCK_SIZE, heads, width)
        # not zeroed: every slot is written before it is read
        kv_cache = torch.empty(shape, dtype=kv_cache_dtype(device, dtype), device=self._device)
        self._key_cache, self._value_cache = kv_cache

    def execute(self, batch: Batch, requests: list[LogitsRequest]) -> list[LogitsOutput]:
        """Compute a batch and read its logits, where this is the only rank."""
        self.take_captured()  # what a batch that failed left behind
        return add_captured(read_logits(self.forward(batch), requests), self.take_captured())

    def close(self) -> None:
        """Do nothing: what this runner holds ends with the process."""

    @torch.inference_mode()
    def forward(self, batch: Batch) -> WholeLogits:
        """Return the logits of each row's last logit_count tokens, row after row."""
        chunks = chunks_of(batch)
        logits = self.logits(chunks, self.decode(chunks, self.embed(chunks)))
        return WholeLogits(logits, self.sampled_vocab_size)

    def embed(self, chunks: list[Chunk]) -> Tensor:
        """Return the first stage's hidden states [tokens, hidden_size], before any layer."""
        tokens = [token for chunk in chunks for token in chunk.tokens]
        positions = [
            position for chunk in chunks for position in range(chunk.start, chunk.context_len)
        ]
        return self.model.embed(
            self._to_device(torch.tensor(tokens)), self._to_device(torch.tensor(positions))
        )

    def decode(self, chunks: list[Chunk], hidden: Tensor) -> Tensor:
        """Run hidden states [tokens, hidden_size] through this rank's layers."""
        attend: Attend = self._attention(chunks)
        hooks = self._hooks(chunks)
        if hooks is None:
            return self.model.decode(hidden, attend)
        contexts = [
            self._to_device(_slots(chunk.block_table)[: chunk.context_len]) for chunk in chunks
        ]
        with hooked(self.model, hooks):
            return self.model.decode(hidden, hooks.watch(attend, self._keys_of, contexts))

    def logits(self, chunks: list[Chunk], hidden: Tensor) -> Tensor:
        """Return the last stage's logits [all logit_counts, own vocabulary] fp32."""
        logits = self.model.logits(hidden, self._to_device(_logit_rows(chunks)))
        hooks = self._hooks(chunks)
        return logits if hooks is None else hooks("logits", None, logits)

    def take_captured(self) -> list[RowSnapshot]:
        """Return what this rank captured since the last call."""
        captured, self._captured = self._captured, []
        return captured

    def _hooks(self, chunks: list[Chunk]) -> ForwardHooks | None:
        spans = capture_spans(chunks)
        if not spans:
            return None
        model = self.model
        lens = model.logits if model.layout.is_last_stage else None
        return ForwardHooks(spans, model.config, model.layout, self._captured, lens)

    def _keys_of(self, layer: int) -> Tensor:
        """Return the cached keys of one of this rank's layers: [slots, heads, head_dim]."""
        keys: Tensor = self._key_cache[layer - self._layers.start]
        return keys

    def _attention(self, chunks: list[Chunk]) -> CachedAttention:
        """Map each chunk's tokens to cache slots, and choose how they attend.

        Single tokens go into one padded call on a GPU, where each kernel call costs more than
        padding does; on a CPU it is the other way round.
        """
        slots = [_slots(chunk.block_table)[: chunk.context_len] for chunk in chunks]
        slot_mapping = torch.cat(
            [own[chunk.start :] for chunk, own in zip(chunks, slots, strict=True)]
        )
        singles, spans, first = [], [], 0
        for chunk, own in zip(chunks, slots, strict=True):
            count = len(chunk.tokens)
            if count == 1 and self._device.type != "cpu":
                singles.append((first, own))
            else:
                spans.append(SequenceSpan(first, first + count, self._context(chunk, own)))
            first += count
        return CachedAttention(
            self._key_cache,
            self._value_cache,
            self._to_device(slot_mapping),
            self._decode_batch(singles) if singles else None,
            spans,
            first_layer=self._layers.start,
        )

    def _context(self, chunk: Chunk, slots: Tensor) -> Slots:
        start = _first_slot(chunk.block_table)
        return self._to_device(slots) if start is None else slice(start, start + chunk.context_len)

    def _decode_batch(self, singles: list[tuple[int, Tensor]]) -> DecodeBatch:
        lengths = torch.tensor([len(slots) for _, slots in singles])
        longest = int(lengths.max())
        context = torch.stack([_padded(slots, longest) for _, slots in singles])
        visible = torch.arange(longest) < lengths[:, None]
        return DecodeBatch(
            self._to_device(torch.tensor([index for index, _ in singles])),
            self._to_device(context),
            None if bool(visible.all()) else self._to_device(visible[:, None, None, :]),
        )

    def _to_device(self, tensor: Tensor) -> Tensor:
        return tensor.to(self._device)


def kv_cache_dtype(device: str, dtype: torch.dtype) -> torch.dtype:
    """Return the dtype of KV cache and attention; on CPUs fp32 is several times faster."""
    return torch.float32 if device == "cpu" else dtype


def num_kv_cache_blocks(
    config: OptConfig,
    dtype: torch.dtype,
    device: str,
    *,
    max_num_seqs: int,
    model_len: int,
    limit_bytes: int | None,
    layout: Layout = WHOLE,
) -> int:
    """Return how many blocks max_num_seqs full sequences take, cut to one rank's limit_bytes.

    limit_bytes None is 90 % of a GPU's free memory, or on a CPU 1 GiB and at least one full
    sequence. Raises ValueError where not one block fits.
    """
    item = torch.empty((), dtype=kv_cache_dtype(device, dtype)).element_size()
    layers = len(layout.layers(config.num_hidden_layers))
    width = len(layout.share(config.hidden_size, config.head_dim))
    block_bytes = 2 * layers * width * item * BLOCK_SIZE
    blocks_per_sequence = -(-model_len // BLOCK_SIZE)
    if limit_bytes is None and device == "cpu":
        limit_bytes = max(CPU_CACHE_BYTES, blocks_per_sequence * block_bytes)
    elif limit_bytes is None:
        limit_bytes = int(torch.cuda.mem_get_info(device)[0] * GPU_MEMORY_SHARE)
    num_blocks = min(max_num_seqs * blocks_per_sequence, limit_bytes // block_bytes)
    if num_blocks < 1:
        raise ValueError(f"{limit_bytes} bytes of cache hold not one block of {block_bytes} bytes")
    return num_blocks


# cached, since every step asks for them and a block table changes once in BLOCK_SIZE steps
@lru_cache(maxsize=4096)
def _slots(block_table: tuple[int, ...]) -> Tensor:
    """Return the slots of the blocks, [blocks * BLOCK_SIZE] int64, in the order of positions."""
    firsts = torch.tensor(block_table)[:, None] * BLOCK_SIZE
    return (firsts + torch.arange(BLOCK_SIZE)).flatten()


@lru_cache(maxsize=4096)
def _first_slot(block_table: tuple[int, ...]) -> int | None:
    """Return the first slot of blocks that follow one another; None if they don't."""
    contiguous = block_table == tuple(range(block_table[0], block_table[0] + len(block_table)))
    return block_table[0] * BLOCK_SIZE if contiguous else None


def _padded(slots: Tensor, length: int) -> Tensor:
    """Pad with the sequence's own first slot.

    A foreign or unused slot may hold NaN, which a zero attention weight doesn't mask: 0 * NaN is
    NaN.
    """
    return torch.cat([slots, slots[:1].expand(length - len(slots))])


def _logit_rows(chunks: Iterable[Chunk]) -> Tensor:
    rows: list[int] = []
    end = 0
    for chunk in chunks:
        end += len(chunk.tokens)
        rows.extend(range(end - chunk.logit_count, end))
    return torch.tensor(rows, dtype=torch.int64)

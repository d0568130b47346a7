"""Devices, buffers and the cache's memory; nothing else owns any."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from inference.config import OptConfig
from inference.engine.logits import WholeLogits
from inference.engine.scheduler import Batch
from inference.engine.step import Answer, Ask, add_captured, answer
from inference.interp.spec import WhiteBox
from inference.model.attention import Attend, CachedAttention, Singles, Slots, Span
from inference.model.hooks import Glimpse, Probe, Seen, Stretch, tapped
from inference.model.layout import WHOLE, Layout
from inference.model.opt import OptModel

BLOCK_SIZE = 16
CPU_CACHE_BYTES = 2**30
GPU_MEMORY_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive tokens of one sequence to be computed: plain data, the same for every rank.

    start: position of the first; blocks: the sequence's, in order; logit_count: how many of the
    last tokens need logits. white_box: what to look into, from position uncaptured on, and change;
    row: the batch's that the piece is of.
    """

    tokens: list[int]
    start: int
    blocks: tuple[int, ...]
    logit_count: int
    white_box: WhiteBox | None = None
    uncaptured: int = 0
    row: int = 0

    @property
    def seen(self) -> int:
        """Positions that the last token sees."""
        return self.start + len(self.tokens)


def pieces_of(batch: Batch) -> list[Piece]:
    """What a batch asks of the model, in its order."""
    return [
        Piece(
            row.sequence.tokens(row.start, row.count),
            row.start,
            tuple(row.sequence.blocks),
            row.logit_count,
            row.white_box,
            row.sequence.captured,
            number,
        )
        for number, row in enumerate(batch)
    ]


def cut_pieces(pieces: list[Piece], tokens: int) -> list[list[Piece]]:
    """The same work in runs of so many tokens each, fewer in the last; logits keep their order."""
    runs: list[list[Piece]] = [[]]
    room = tokens
    for piece in pieces:
        rest = piece
        while len(rest.tokens) > room:
            head, rest = _cut(rest, room)
            runs[-1] += head
            runs.append([])
            room = tokens
        runs[-1].append(rest)
        room -= len(rest.tokens)
    return [run for run in runs if run]


def _cut(piece: Piece, count: int) -> tuple[list[Piece], Piece]:
    """The first count tokens, as one piece or none, and the others."""
    others = len(piece.tokens) - count
    wanted = max(piece.logit_count - others, 0)
    head = replace(piece, tokens=piece.tokens[:count], logit_count=wanted)
    rest = replace(
        piece,
        tokens=piece.tokens[count:],
        start=piece.start + count,
        logit_count=piece.logit_count - wanted,
    )
    return ([head] if count else []), rest


class Runner:
    """Runs pieces through one rank's layers over its cache of blocks * BLOCK_SIZE slots.

    drawable: ids 0 .. drawable - 1 may be drawn.
    """

    def __init__(
        self, model: OptModel, blocks: int, device: str, dtype: torch.dtype, drawable: int
    ) -> None:
        self.model, self.blocks, self.drawable = model, blocks, drawable
        self._seen: list[Seen] = []
        self._device = torch.device(device)
        config, layout = model.config, model.layout
        self._layers = layout.layers(config.num_hidden_layers)
        heads, width = len(layout.share(config.num_attention_heads)), config.head_dim
        shape = (2, len(self._layers), blocks * BLOCK_SIZE, heads, width)
        self._keys, self._values = torch.empty(
            shape, dtype=cache_dtype(device, dtype), device=self._device
        )

    def run(self, batch: Batch, asks: list[Ask]) -> list[Answer]:
        """Compute a batch and read its logits; for the only rank."""
        self.taken()  # of a batch that failed
        return add_captured(answer(self.forward(batch), asks), self.taken())

    def close(self) -> None:
        """Nothing outlives this process."""

    @torch.inference_mode()
    def forward(self, batch: Batch) -> WholeLogits:
        """Logits of each row's last logit_count tokens, row after row; for the only rank."""
        pieces = pieces_of(batch)
        logits = self.logits(pieces, self.decode(pieces, self.embed(pieces)))
        return WholeLogits(logits, self.drawable)

    def embed(self, pieces: list[Piece]) -> Tensor:
        """The first stage's hidden states [tokens, hidden_size], before any layer."""
        tokens = [token for piece in pieces for token in piece.tokens]
        positions = [place for piece in pieces for place in range(piece.start, piece.seen)]
        return self.model.embed(
            self._place(torch.tensor(tokens)), self._place(torch.tensor(positions))
        )

    def decode(self, pieces: list[Piece], hidden: Tensor) -> Tensor:
        """hidden: [tokens, hidden_size] before this rank's layers; returns it after them."""
        attend: Attend = self._attention(pieces)
        probe = self._probe(pieces)
        if probe is None:
            return self.model.decode(hidden, attend)
        contexts = [self._place(_slots(piece.blocks)[: piece.seen]) for piece in pieces]
        with tapped(self.model, probe):
            return self.model.decode(hidden, probe.watch(attend, self._keys_of, contexts))

    def logits(self, pieces: list[Piece], hidden: Tensor) -> Tensor:
        """The last stage's logits [all logit_counts, own vocabulary] fp32."""
        logits = self.model.logits(hidden, self._place(_logit_rows(pieces)))
        probe = self._probe(pieces)
        return logits if probe is None else probe("logits", None, logits)

    def taken(self) -> list[Seen]:
        """What this rank captured since it was last asked: row's number and snapshot."""
        seen, self._seen = self._seen, []
        return seen

    def _probe(self, pieces: list[Piece]) -> Probe | None:
        looking = glimpses(pieces)
        layout = self.model.layout
        return Probe(looking, self.model.config, layout, self._seen) if looking else None

    def _keys_of(self, layer: int) -> Tensor:
        """The cache's keys of one of this rank's layers: [slots, heads, head_dim]."""
        keys: Tensor = self._keys[layer - self._layers.start]
        return keys

    def _attention(self, pieces: list[Piece]) -> CachedAttention:
        slots = [_slots(piece.blocks)[: piece.seen] for piece in pieces]
        written = torch.cat([own[piece.start :] for piece, own in zip(pieces, slots, strict=True)])
        singles, spans, first = [], [], 0
        for piece, own in zip(pieces, slots, strict=True):
            count = len(piece.tokens)
            if count == 1 and self._device.type != "cpu":
                singles.append((first, own))
            else:
                spans.append(Span(first, first + count, self._context(piece, own)))
            first += count
        return CachedAttention(
            self._keys,
            self._values,
            self._place(written),
            self._singles(singles) if singles else None,
            spans,
            first_layer=self._layers.start,
        )

    def _context(self, piece: Piece, slots: Tensor) -> Slots:
        start = _first_slot(piece.blocks)
        return self._place(slots) if start is None else slice(start, start + piece.seen)

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


def glimpses(pieces: list[Piece]) -> list[Glimpse]:
    """Of the pieces that look inside, where they lie among the tokens and the logits."""
    found, first, logit_first = [], 0, 0
    for number, piece in enumerate(pieces):
        if piece.white_box is not None:
            logit_start = piece.seen - piece.logit_count
            tokens = Stretch(first, range(piece.start, piece.seen))
            logits = Stretch(logit_first, range(logit_start, piece.seen))
            found.append(
                Glimpse(piece.row, number, tokens, logits, piece.uncaptured, piece.white_box)
            )
        first += len(piece.tokens)
        logit_first += piece.logit_count
    return found


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
    layout: Layout = WHOLE,
) -> int:
    """Blocks for so many sequences of full length, cut to limit bytes of one rank.

    limit None is 90 % of a GPU's free memory, or on a CPU 1 GiB and one full sequence at least.
    Raises ValueError where not one block fits.
    """
    item = torch.empty((), dtype=cache_dtype(device, dtype)).element_size()
    layers = len(layout.layers(config.num_hidden_layers))
    width = len(layout.share(config.hidden_size, config.head_dim))
    block_bytes = 2 * layers * width * item * BLOCK_SIZE
    full = -(-model_len // BLOCK_SIZE)
    if limit is None and device == "cpu":
        limit = max(CPU_CACHE_BYTES, full * block_bytes)
    elif limit is None:
        limit = int(torch.cuda.mem_get_info(device)[0] * GPU_MEMORY_SHARE)
    blocks = min(seqs * full, limit // block_bytes)
    if blocks < 1:
        raise ValueError(f"{limit} bytes of cache hold not one block of {block_bytes} bytes")
    return blocks


@lru_cache(maxsize=4096)
def _slots(blocks: tuple[int, ...]) -> Tensor:
    """[blocks * BLOCK_SIZE] int64, in the order of positions."""
    firsts = torch.tensor(blocks)[:, None] * BLOCK_SIZE
    return (firsts + torch.arange(BLOCK_SIZE)).flatten()


@lru_cache(maxsize=4096)
def _first_slot(blocks: tuple[int, ...]) -> int | None:
    """The first of blocks that follow each other; None of those that don't."""
    together = blocks == tuple(range(blocks[0], blocks[0] + len(blocks)))
    return blocks[0] * BLOCK_SIZE if together else None


def _padded(slots: Tensor, length: int) -> Tensor:
    """Filled up with its own first slot: another's stale values could be NaN, and 0 * NaN is."""
    return torch.cat([slots, slots[:1].expand(length - len(slots))])


def _logit_rows(pieces: Iterable[Piece]) -> Tensor:
    rows: list[int] = []
    end = 0
    for piece in pieces:
        end += len(piece.tokens)
        rows.extend(range(end - piece.logit_count, end))
    return torch.tensor(rows, dtype=torch.int64)

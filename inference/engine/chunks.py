"""Chunks of sequences that a step computes (chunked prefill), as plain data for every rank."""

from dataclasses import dataclass, replace

from inference.engine.scheduler import Batch
from inference.interp.spec import WhiteBox
from inference.model.hooks import CaptureSpan, TokenSpan


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive tokens of one sequence to be computed.

    start: position of the first token. block_table: the sequence's blocks of the KV cache, in
    order. logit_count: how many of the last tokens need logits. white_box: what to capture, from
    position capture_from on, and to change. row: number of the batch's row that the chunk is of.
    """

    tokens: list[int]
    start: int
    block_table: tuple[int, ...]
    logit_count: int
    white_box: WhiteBox | None = None
    capture_from: int = 0
    row: int = 0

    @property
    def context_len(self) -> int:
        """Number of positions that the last token attends to, its own among them."""
        return self.start + len(self.tokens)


def chunks_of(batch: Batch) -> list[Chunk]:
    """Make one chunk for each row of a batch, in its order."""
    return [
        Chunk(
            row.sequence.tokens(row.start, row.count),
            row.start,
            tuple(row.sequence.block_table),
            row.logit_count,
            row.white_box,
            row.sequence.captured,
            number,
        )
        for number, row in enumerate(batch)
    ]


def split_chunks(chunks: list[Chunk], tokens: int) -> list[list[Chunk]]:
    """Split the work into micro-batches of so many tokens, fewer in the last.

    Logits keep their order.
    """
    micro_batches: list[list[Chunk]] = [[]]
    room = tokens
    for chunk in chunks:
        rest = chunk
        while len(rest.tokens) > room:
            head, rest = _split(rest, room)
            micro_batches[-1] += head
            micro_batches.append([])
            room = tokens
        micro_batches[-1].append(rest)
        room -= len(rest.tokens)
    return [chunks for chunks in micro_batches if chunks]


def _split(chunk: Chunk, count: int) -> tuple[list[Chunk], Chunk]:
    """Return the first count tokens, as one chunk or none, and the rest."""
    rest_count = len(chunk.tokens) - count
    head_logits = max(chunk.logit_count - rest_count, 0)
    head = replace(chunk, tokens=chunk.tokens[:count], logit_count=head_logits)
    rest = replace(
        chunk,
        tokens=chunk.tokens[count:],
        start=chunk.start + count,
        logit_count=chunk.logit_count - head_logits,
    )
    return ([head] if count else []), rest


def capture_spans(chunks: list[Chunk]) -> list[CaptureSpan]:
    """Return where the chunks that look inside lie among the packed tokens and the logits."""
    spans, first, logit_first = [], 0, 0
    for number, chunk in enumerate(chunks):
        if chunk.white_box is not None:
            logit_start = chunk.context_len - chunk.logit_count
            tokens = TokenSpan(first, range(chunk.start, chunk.context_len))
            logits = TokenSpan(logit_first, range(logit_start, chunk.context_len))
            spans.append(
                CaptureSpan(chunk.row, number, tokens, logits, chunk.capture_from, chunk.white_box)
            )
        first += len(chunk.tokens)
        logit_first += chunk.logit_count
    return spans

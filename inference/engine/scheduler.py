"""Continuous batching: who runs in the next step, and with how many tokens. Pure Python.

A sample is admitted when blocks for the tokens that it has are free, and takes more as it grows.
When none is left, the last in order gives back all its blocks and waits again; later it computes
its tokens anew. Order is priority, then first come, and only by it is anybody pre-empted: so the
first in order gets tokens in every step, comes to its end, and leaves another first.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass

from inference.engine.block_manager import BlockLedger
from inference.engine.sequence import Sequence
from inference.errors import PromptTooLong
from inference.interp.spec import WhiteBox


@dataclass(frozen=True, slots=True)
class Row:
    """Tokens start .. start + count - 1 of a sequence, to be computed in this step."""

    sequence: Sequence
    start: int
    count: int

    @property
    def end(self) -> int:
        """The position after the row's last."""
        return self.start + self.count

    @property
    def completes(self) -> bool:
        """Whether the cache then holds all its tokens, so that the next may be drawn."""
        return self.end == self.sequence.length

    @property
    def draws(self) -> bool:
        """Whether this step draws a token."""
        return self.completes and self.sequence.max_tokens > 0

    @property
    def scored(self) -> tuple[int, ...]:
        """The prompt's tokens that are scored in this step, by the logits from logit_start on."""
        sequence = self.sequence
        tokens = sequence.prompt_token_ids[self._first_scored : self.end + 1]
        return tokens if sequence.scores_prompt else ()

    @property
    def _first_scored(self) -> int:
        return max(self.start + 1, self.sequence.unscored)

    @property
    def white_box(self) -> WhiteBox | None:
        """What the request looks into or changes at the row's positions."""
        whole, captured = self.sequence.white_box, self.sequence.captured
        return whole and whole.during(range(self.start, self.end), captured)

    @property
    def logit_start(self) -> int:
        """From this position on, the row's tokens need logits; end if none does.

        No capture needs them earlier than scores do: both have come as far as the prompt has.
        """
        first = self.end - 1 if self.draws else self.end
        if self.scored:
            first = min(first, self._first_scored - 1)
        if self.sequence.white_box is not None:
            fresh = max(self.start, self.sequence.captured)
            first = min(first, self.sequence.white_box.first_logits(fresh, self.end))
        return first

    @property
    def logit_count(self) -> int:
        """How many of the row's last tokens need logits."""
        return self.end - self.logit_start


Batch = list[Row]


class Scheduler:
    """Waiting and running samples. Every schedule() makes progress while work remains."""

    def __init__(
        self, ledger: BlockLedger, *, max_num_seqs: int, max_batched_tokens: int, max_model_len: int
    ) -> None:
        if max_num_seqs < 1 or max_batched_tokens < max_num_seqs:
            raise ValueError("need max_num_seqs >= 1 and max_batched_tokens >= max_num_seqs")
        self._ledger = ledger
        self._max_num_seqs = max_num_seqs
        self._max_batched_tokens = max_batched_tokens
        self._max_model_len = max_model_len
        self._waiting: list[Sequence] = []  # both lists stand in order
        self._running: list[Sequence] = []
        self._hurried: dict[Sequence, float] = {}  # those with a deadline
        self._arrivals = 0
        self.preemptions = 0

    @property
    def running(self) -> int:
        """Samples that hold blocks."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Samples that wait for blocks or a place."""
        return len(self._waiting)

    @property
    def has_work(self) -> bool:
        """Whether anything runs or waits."""
        return bool(self._running or self._waiting)

    def require_fits(self, prompt_tokens: int, max_tokens: int) -> None:
        """Raise PromptTooLong for what could never run, whatever finishes before it."""
        wanted = prompt_tokens + max_tokens
        if wanted > self._max_model_len:
            raise PromptTooLong(
                f"{prompt_tokens} prompt tokens and {max_tokens} new ones are {wanted}, "
                f"over the model's {self._max_model_len}"
            )
        if not self._ledger.can_ever_hold(wanted):
            room = self._ledger.total * self._ledger.block_size
            raise PromptTooLong(f"{wanted} tokens do not fit the cache, which holds {room}")

    def add(self, sequence: Sequence) -> None:
        """Let it wait for its turn; raises PromptTooLong if that would never come."""
        self.require_fits(len(sequence.prompt_token_ids), sequence.max_tokens)
        sequence.arrival = self._arrivals
        self._arrivals += 1
        if sequence.deadline is not None:
            self._hurried[sequence] = sequence.deadline
        self._enqueue(sequence)

    def schedule(self) -> Batch:
        """Let the running grow, admit what fits, and share out the step's tokens.

        A token each to those that draw, so that no prompt holds them up; the rest to prompts.
        """
        self._grow()
        self._admit()
        left = self._max_batched_tokens - sum(s.pending == 1 for s in self._running)
        batch = []
        for sequence in self._running:
            count = 1
            if sequence.pending > 1:
                count = min(sequence.pending, left)
                left -= count
            if count:
                batch.append(Row(sequence, sequence.computed, count))
        return batch

    def computed(self, row: Row) -> None:
        """Note that the row's tokens are in the cache."""
        row.sequence.computed = row.end

    def finish(self, sequence: Sequence) -> None:
        """End a sample, waiting or running, and free its blocks at once. Twice is harmless."""
        sequence.finished = True
        self._ledger.release(sequence)
        self._hurried.pop(sequence, None)
        _take_out(self._running, sequence)
        _take_out(self._waiting, sequence)

    def overdue(self, now: float) -> list[Sequence]:
        """Samples whose deadline has come; the caller tells them and calls finish."""
        return [sequence for sequence, end in self._hurried.items() if end <= now]

    def _enqueue(self, sequence: Sequence) -> None:
        insort(self._waiting, sequence, key=lambda other: other.order)

    def _grow(self) -> None:
        """Give the running the blocks of their newest tokens, the first in order first."""
        for sequence in tuple(self._running):
            while sequence in self._running and not self._has_blocks_for(sequence):
                self._preempt(self._running[-1])
            if sequence in self._running:
                sequence.blocks = self._ledger.grow(sequence, sequence.length)

    def _has_blocks_for(self, sequence: Sequence) -> bool:
        return self._ledger.missing(sequence, sequence.length) <= self._ledger.free

    def _preempt(self, sequence: Sequence) -> None:
        """Back to waiting, in its old place in order. Its tokens stay; their cache is lost."""
        _take_out(self._running, sequence)
        self._ledger.release(sequence)
        sequence.blocks, sequence.computed = (), 0
        self._enqueue(sequence)
        self.preemptions += 1

    def _admit(self) -> None:
        """The next in order is never overtaken: a large prompt waits until it fits."""
        while self._waiting:
            sequence = self._waiting[0]
            yielding = self._who_yields_to(sequence)
            if yielding is None:
                return
            for other in yielding:
                self._preempt(other)
            _take_out(self._waiting, sequence)
            sequence.blocks = self._ledger.grow(sequence, sequence.length)
            insort(self._running, sequence, key=lambda other: other.order)

    def _who_yields_to(self, sequence: Sequence) -> list[Sequence] | None:
        """Samples of lower priority to pre-empt so that it may run; None if it must wait."""
        staying, yielding = list(self._running), []
        free = self._ledger.free
        while not self._fits_beside(sequence, staying, free):
            if not staying or staying[-1].priority <= sequence.priority:
                return None
            yielding.append(staying.pop())
            free += len(yielding[-1].blocks)
        return yielding

    def _fits_beside(self, sequence: Sequence, running: list[Sequence], free: int) -> bool:
        """Whether it finds a place and blocks, and leaves one to each that runs and may grow.

        Without that one, who is admitted last would soon be pre-empted again.
        """
        growing = sum(self._ledger.missing(other, other.capacity) > 0 for other in running)
        wanted = self._ledger.blocks_for(sequence.length)
        return len(running) < self._max_num_seqs and wanted + growing <= free


def _take_out(place: list[Sequence], sequence: Sequence) -> None:
    """Remove a sequence if it is there, without looking at all that stand before it."""
    at = bisect_left(place, sequence.order, key=lambda other: other.order)
    if at < len(place) and place[at] is sequence:
        del place[at]

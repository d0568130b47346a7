"""Continuous batching: decide which samples run in a step, and with how many tokens. Pure Python.

A sample is admitted when blocks for the tokens that it has are free, and takes more as it grows.
When none is left, the last in order is preempted: it gives back all its blocks, waits, and later
computes its tokens anew. Order is priority, then arrival, and preemption follows it alone. So the
first in order gets tokens in every step, comes to its end, and makes another one first: there is
always progress.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from dataclasses import dataclass

from inference.engine.block_manager import BlockManager
from inference.engine.sequence import Sequence
from inference.errors import PromptTooLong
from inference.interp.spec import WhiteBox


@dataclass(frozen=True, slots=True)
class ScheduledRow:
    """A row of a batch: tokens start .. start + count - 1 of a sequence, computed in this step."""

    sequence: Sequence
    start: int
    count: int

    @property
    def end(self) -> int:
        """Position after the row's last."""
        return self.start + self.count

    @property
    def completes(self) -> bool:
        """Tell whether the cache then holds all its tokens, so that the next may be sampled."""
        return self.end == self.sequence.length

    @property
    def samples_next(self) -> bool:
        """Tell whether this step samples the next token."""
        return self.completes and self.sequence.max_tokens > 0

    @property
    def prompt_targets(self) -> tuple[int, ...]:
        """Prompt tokens whose logprobs this step reads, from the logits at logit_start on."""
        sequence = self.sequence
        tokens = sequence.prompt_token_ids[self._first_target : self.end + 1]
        return tokens if sequence.scores_prompt else ()

    @property
    def _first_target(self) -> int:
        return max(self.start + 1, self.sequence.first_unscored)

    @property
    def white_box(self) -> WhiteBox | None:
        """Captures and interventions at the row's positions; None if there are none."""
        whole, captured = self.sequence.white_box, self.sequence.captured
        return whole and whole.during(range(self.start, self.end), captured)

    @property
    def logit_start(self) -> int:
        """First position of the row whose token needs logits; end if none does."""
        first = self.end - 1 if self.samples_next else self.end
        if self.prompt_targets:
            first = min(first, self._first_target - 1)
        if self.sequence.white_box is not None:
            uncaptured = max(self.start, self.sequence.captured)
            first = min(first, self.sequence.white_box.first_logits(uncaptured, self.end))
        return first

    @property
    def logit_count(self) -> int:
        """Number of the row's last tokens that need logits."""
        return self.end - self.logit_start


Batch = list[ScheduledRow]


def num_scheduled_tokens(batch: Batch) -> dict[str, int]:
    """Count the tokens that a batch computes for each request: of all its samples, as in vLLM.

    Those of prompts count like those that decode, and what a preempted sample computes again
    counts again.
    """
    tokens: dict[str, int] = defaultdict(int)
    for row in batch:
        tokens[row.sequence.request_id] += row.count
    return dict(tokens)


class Scheduler:
    """Keeps the waiting and the running samples, and plans each step."""

    def __init__(
        self,
        block_manager: BlockManager,
        *,
        max_num_seqs: int,
        max_batched_tokens: int,
        max_model_len: int,
    ) -> None:
        if max_num_seqs < 1 or max_batched_tokens < max_num_seqs:
            raise ValueError("need max_num_seqs >= 1 and max_batched_tokens >= max_num_seqs")
        self._block_manager = block_manager
        self._max_num_seqs = max_num_seqs
        self._max_batched_tokens = max_batched_tokens
        self._max_model_len = max_model_len
        self._waiting: list[Sequence] = []  # both lists are sorted by order
        self._running: list[Sequence] = []
        self._deadlines: dict[Sequence, float] = {}
        self._arrivals = 0
        self.preemptions = 0

    @property
    def running(self) -> int:
        """Number of samples that hold blocks."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Number of samples that wait for blocks or a place."""
        return len(self._waiting)

    @property
    def has_work(self) -> bool:
        """Tell whether anything runs or waits."""
        return bool(self._running or self._waiting)

    def require_fits(self, prompt_tokens: int, max_tokens: int) -> None:
        """Raise PromptTooLong for lengths that could never run, whatever ends before them."""
        wanted = prompt_tokens + max_tokens
        if wanted > self._max_model_len:
            raise PromptTooLong(
                f"{prompt_tokens} prompt tokens and {max_tokens} new ones are {wanted}, "
                f"over the model's {self._max_model_len}"
            )
        if not self._block_manager.can_ever_hold(wanted):
            room = self._block_manager.num_blocks * self._block_manager.block_size
            raise PromptTooLong(f"{wanted} tokens do not fit the cache, which holds {room}")

    def add(self, sequence: Sequence) -> None:
        """Queue a sample. Raises PromptTooLong if its turn would never come."""
        self.require_fits(len(sequence.prompt_token_ids), sequence.max_tokens)
        sequence.arrival = self._arrivals
        self._arrivals += 1
        if sequence.deadline is not None:
            self._deadlines[sequence] = sequence.deadline
        self._enqueue(sequence)

    def set_priority(self, sequence: Sequence, priority: int) -> None:
        """Give a sample, waiting or running, another place in the order."""
        for queue in (self._waiting, self._running):
            if _remove(queue, sequence):
                sequence.priority = priority
                insort(queue, sequence, key=lambda queued: queued.order)
                return

    def schedule(self) -> Batch:
        """Grow the running samples, admit what fits, and share out the step's tokens.

        Each sample that decodes gets its one token, so that no prompt holds it up; what is left of
        the budget goes to prompts, in chunks (chunked prefill).
        """
        self._grow()
        self._admit()
        budget = self._max_batched_tokens - sum(s.pending == 1 for s in self._running)
        batch = []
        for sequence in self._running:
            count = 1
            if sequence.pending > 1:
                count = min(sequence.pending, budget)
                budget -= count
            if count:  # 0 for a prompt whose turn comes after the budget is spent
                batch.append(ScheduledRow(sequence, sequence.computed, count))
        return batch

    def mark_computed(self, row: ScheduledRow) -> None:
        """Note that the row's tokens are in the cache."""
        row.sequence.computed = row.end

    def finish(self, sequence: Sequence) -> None:
        """End a sample, waiting or running, and free its blocks. A second call does nothing."""
        sequence.finished = True
        self._block_manager.free(sequence)
        self._deadlines.pop(sequence, None)
        _remove(self._running, sequence)
        _remove(self._waiting, sequence)

    def overdue(self, now: float) -> list[Sequence]:
        """Return samples whose deadline has come, for the caller to finish."""
        return [sequence for sequence, end in self._deadlines.items() if end <= now]

    def _enqueue(self, sequence: Sequence) -> None:
        insort(self._waiting, sequence, key=lambda queued: queued.order)

    def _grow(self) -> None:
        """Give running samples blocks for new tokens; where none is left, preempt the last."""
        for sequence in tuple(self._running):  # a copy: preemption changes the list
            while sequence in self._running and not self._has_blocks_for(sequence):
                self._preempt(self._running[-1])
            if sequence in self._running:
                sequence.block_table = self._block_manager.allocate(sequence, sequence.length)

    def _has_blocks_for(self, sequence: Sequence) -> bool:
        missing = self._block_manager.num_missing(sequence, sequence.length)
        return missing <= self._block_manager.num_free

    def _preempt(self, sequence: Sequence) -> None:
        """Put a sample back into the queue at its old place, with its tokens and without blocks."""
        _remove(self._running, sequence)
        self._block_manager.free(sequence)
        sequence.block_table, sequence.computed = (), 0
        self._enqueue(sequence)
        self.preemptions += 1

    def _admit(self) -> None:
        """Admit waiting samples in order.

        None overtakes the first, so that a long prompt isn't put off for ever by short ones.
        """
        while self._waiting:
            sequence = self._waiting[0]
            preempted = self._preempted_for(sequence)
            if preempted is None:
                return
            for running in preempted:
                self._preempt(running)
            _remove(self._waiting, sequence)
            sequence.block_table = self._block_manager.allocate(sequence, sequence.length)
            insort(self._running, sequence, key=lambda queued: queued.order)

    def _preempted_for(self, sequence: Sequence) -> list[Sequence] | None:
        """Return the samples of lower priority to preempt for this one; None if it must wait."""
        staying, preempted = list(self._running), []
        num_free = self._block_manager.num_free
        while not self._fits_beside(sequence, staying, num_free):
            if not staying or staying[-1].priority <= sequence.priority:
                return None
            preempted.append(staying.pop())
            num_free += len(preempted[-1].block_table)
        return preempted

    def _fits_beside(self, sequence: Sequence, running: list[Sequence], num_free: int) -> bool:
        """Tell whether a sample finds a place and blocks, and leaves one to each that may grow.

        Without that spare block the sample admitted last would soon be preempted again.
        """
        manager = self._block_manager
        growing = sum(manager.num_missing(sample, sample.capacity) > 0 for sample in running)
        wanted = manager.blocks_for(sequence.length)
        return len(running) < self._max_num_seqs and wanted + growing <= num_free


def _remove(queue: list[Sequence], sequence: Sequence) -> bool:
    """Remove a sequence from a sorted list, by binary search. Return False if it isn't there."""
    at = bisect_left(queue, sequence.order, key=lambda queued: queued.order)
    if at < len(queue) and queue[at] is sequence:
        del queue[at]
        return True
    return False

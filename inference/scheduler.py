"""Continuous batching: who runs in the next step, and with how many tokens. Pure Python.

A sample is admitted only when blocks for its prompt and all its max_tokens are free, and holds
them to its end. So a running sample never runs out and pre-emption is not needed; the price is
that a sample which stops early held more than it used. The next in order is never overtaken:
a large prompt waits until it fits, and does not starve.
"""

import heapq
from dataclasses import dataclass

from inference.blocks import BlockLedger
from inference.errors import PromptTooLong
from inference.sequence import Sequence


@dataclass(frozen=True, slots=True)
class Row:
    """Tokens start .. start + count - 1 of a sequence, to be computed in this step."""

    sequence: Sequence
    start: int
    count: int

    @property
    def completes(self) -> bool:
        """Whether the cache then holds all its tokens, so that the next may be drawn."""
        return self.start + self.count == self.sequence.length

    @property
    def draws(self) -> bool:
        """Whether this step draws a token."""
        return self.completes and self.sequence.max_tokens > 0

    @property
    def logit_count(self) -> int:
        """How many of the row's last tokens need logits."""
        in_prompt = self.start < len(self.sequence.prompt_token_ids)
        if self.sequence.scores_prompt and in_prompt:
            return self.count
        return 1 if self.draws else 0


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
        self._waiting: list[tuple[tuple[int, int, int], Sequence]] = []
        self._running: list[Sequence] = []
        self._arrivals = 0

    @property
    def running(self) -> int:
        """Samples that hold blocks."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Samples that wait for blocks or a place."""
        return sum(not sequence.finished for _, sequence in self._waiting)

    @property
    def has_work(self) -> bool:
        """Whether anything runs or waits."""
        return bool(self._running) or self.waiting > 0

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
        heapq.heappush(self._waiting, (sequence.order, sequence))

    def schedule(self) -> Batch:
        """Admit what fits, then share out the step's tokens: drawing rows first, then prompts."""
        self._admit()
        decoding = [sequence for sequence in self._running if sequence.pending == 1]
        prefilling = [sequence for sequence in self._running if sequence.pending > 1]
        batch, budget = [], self._max_batched_tokens
        for sequence in decoding + prefilling:
            count = min(sequence.pending, budget)
            if count:
                batch.append(Row(sequence, sequence.computed, count))
                budget -= count
        return batch

    def computed(self, row: Row) -> None:
        """Note that the row's tokens are in the cache."""
        row.sequence.computed = row.start + row.count

    def finish(self, sequence: Sequence) -> None:
        """End a sample, waiting or running, and free its blocks at once. Twice is harmless."""
        sequence.finished = True
        self._ledger.release(sequence)
        self._running = [other for other in self._running if other is not sequence]

    def _admit(self) -> None:
        while self._waiting and len(self._running) < self._max_num_seqs:
            sequence = self._waiting[0][1]
            if not sequence.finished and not self._ledger.can_hold(sequence.capacity):
                break
            heapq.heappop(self._waiting)
            if not sequence.finished:
                sequence.blocks = self._ledger.allocate(sequence, sequence.capacity)
                self._running.append(sequence)
        self._running.sort(key=lambda sequence: sequence.order)

"""Interleaved rounds: every engine in every round, so that a busy minute hits all of them."""

import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from inference.bench.peer import Answer, Peer


@dataclass
class Measured:
    """One engine's answers to one task, a round each. useful: tokens that were asked for."""

    label: str
    useful: int
    answers: list[Answer] = field(default_factory=list)

    @property
    def rates(self) -> list[float]:
        """Tokens per CPU-second, by round."""
        return [self.useful / answer.cpu_seconds for answer in self.answers]

    @property
    def rate(self) -> float:
        """Tokens per CPU-second, the rounds' median."""
        return statistics.median(self.rates)

    @property
    def wall_rate(self) -> float:
        """Tokens per second by the clock, the rounds' median."""
        return statistics.median(self.wall_rates)

    @property
    def wall_rates(self) -> list[float]:
        """Tokens per second by the clock, by round."""
        return [self.useful / answer.seconds for answer in self.answers]

    @property
    def token_ids(self) -> list[list[int]]:
        """Of the last round: greedy, so of every round."""
        return self.answers[-1].token_ids


@dataclass(frozen=True)
class Task:
    """Prompts and how many new tokens each gets; useful counts them all unless said otherwise."""

    prompts: list[list[int]]
    new_tokens: list[int]


Act = Callable[[Peer, Task], Answer]


def generate(peer: Peer, task: Task) -> Answer:
    """The whole task in one request: the engine batches as it does."""
    return peer.generate(task.prompts, task.new_tokens)


def generate_in_batches(peer: Peer, task: Task) -> Answer:
    """Batches of the engine's size in order, each until its longest ends: static batching."""
    size = peer.setup.max_num_seqs
    seconds, cpu_seconds, token_ids = 0.0, 0.0, []
    for first in range(0, len(task.prompts), size):
        wanted = task.new_tokens[first : first + size]
        batch = task.prompts[first : first + size]
        answer = peer.generate(batch, [max(wanted)] * len(wanted))
        seconds += answer.seconds
        cpu_seconds += answer.cpu_seconds
        token_ids += [row[:count] for row, count in zip(answer.token_ids, wanted, strict=True)]
    return Answer(seconds, cpu_seconds, token_ids)


def measure(
    runs: Sequence[tuple[str, Peer, Act]], task: Task, rounds: int, advance: Callable[[str], None]
) -> dict[str, Measured]:
    """By label. One unmeasured request each first; then each round begins with another engine."""
    found = {label: Measured(label, sum(task.new_tokens)) for label, _, _ in runs}
    short = Task(task.prompts, [min(4, count) for count in task.new_tokens])
    for label, peer, act in runs:
        act(peer, short)
        advance(f"{label}, warm-up")
    for number in range(rounds):
        first = number % max(len(runs), 1)
        for label, peer, act in (*runs[first:], *runs[:first]):
            found[label].answers.append(act(peer, task))
            advance(f"{label}, round {number + 1}")
    return found


def ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """Median over rounds of one's rate to the other's in the same round."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def load_average() -> float:
    """Of the last minute."""
    return os.getloadavg()[0]


@dataclass(frozen=True)
class Times:
    """The machine's CPU time since it began, in ticks; stolen by other guests of the host."""

    total: int
    stolen: int

    @classmethod
    def now(cls) -> "Times":
        """From /proc/stat; zeros where there is none."""
        path = Path("/proc/stat")
        if not path.is_file():
            return cls(0, 0)
        ticks = [int(each) for each in path.read_text(encoding="utf-8").split("\n")[0].split()[1:]]
        return cls(sum(ticks[:8]), ticks[7])

    def stolen_share(self, before: "Times") -> float:
        """Share of the time since then that other guests had."""
        return (self.stolen - before.stolen) / max(self.total - before.total, 1)

"""Measure in interleaved rounds: every engine in each, so that a busy minute slows all of them."""

import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from inference.bench.peer import Peer, PeerAnswer


@dataclass
class Measured:
    """The answers of one engine to one task, one per round. useful: number of tokens asked for."""

    label: str
    useful: int
    answers: list[PeerAnswer] = field(default_factory=list)

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
        """Token ids of the last round; decoding is greedy, so they are those of every round."""
        return self.answers[-1].token_ids


@dataclass(frozen=True)
class Task:
    """The prompts of a measurement, and how many new tokens each gets."""

    prompts: list[list[int]]
    new_tokens: list[int]


Act = Callable[[Peer, Task], PeerAnswer]


def generate(peer: Peer, task: Task) -> PeerAnswer:
    """Run a task as one request, which the engine batches in its own way."""
    return peer.generate(task.prompts, task.new_tokens)


def generate_in_batches(peer: Peer, task: Task) -> PeerAnswer:
    """Run a task in batches of the engine's size, each until its longest ends: static batching."""
    size = peer.setup.max_num_seqs
    seconds, cpu_seconds, token_ids = 0.0, 0.0, []
    for first in range(0, len(task.prompts), size):
        wanted = task.new_tokens[first : first + size]
        batch = task.prompts[first : first + size]
        answer = peer.generate(batch, [max(wanted)] * len(wanted))
        seconds += answer.seconds
        cpu_seconds += answer.cpu_seconds
        token_ids += [row[:count] for row, count in zip(answer.token_ids, wanted, strict=True)]
    return PeerAnswer(seconds, cpu_seconds, token_ids)


def measure(
    runs: Sequence[tuple[str, Peer, Act]], task: Task, rounds: int, advance: Callable[[str], None]
) -> dict[str, Measured]:
    """Measure all runs, and return their results by label.

    Each engine gets one short request first, which isn't measured; each round begins with another
    engine.
    """
    measured = {label: Measured(label, sum(task.new_tokens)) for label, _, _ in runs}
    short = Task(task.prompts, [min(4, count) for count in task.new_tokens])
    for label, peer, act in runs:
        act(peer, short)
        advance(f"{label}, warm-up")
    for number in range(rounds):
        first = number % max(len(runs), 1)
        for label, peer, act in (*runs[first:], *runs[:first]):
            measured[label].answers.append(act(peer, task))
            advance(f"{label}, round {number + 1}")
    return measured


def ratio(rates: Sequence[float], base: Sequence[float]) -> float:
    """Return the median over rounds of a rate's ratio to the base's in the same round."""
    return statistics.median(a / b for a, b in zip(rates, base, strict=True))


def load_average() -> float:
    """Return the load average of the last minute."""
    return os.getloadavg()[0]


@dataclass(frozen=True)
class Times:
    """The machine's CPU time since its start, in ticks, and what other guests of the host had."""

    total: int
    stolen: int

    @classmethod
    def now(cls) -> "Times":
        """Read /proc/stat; zeros if there is none."""
        path = Path("/proc/stat")
        if not path.is_file():
            return cls(0, 0)
        line = path.read_text(encoding="utf-8").partition("\n")[0]
        ticks = [int(column) for column in line.split()[1:]]
        return cls(sum(ticks[:8]), ticks[7])

    def stolen_share(self, before: "Times") -> float:
        """Return the share of the time since then that other guests had."""
        return (self.stolen - before.stolen) / max(self.total - before.total, 1)

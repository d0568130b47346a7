"""Sample the memory of a site's processes, and tell whether it grows."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import linear_regression

from tests.hosts.daemons import Daemon

EVERY_SECONDS = 5.0
MIB = 1 << 20


@dataclass
class MemorySamples:
    """Bytes by process, each with the seconds since the first sample."""

    started: float = field(default_factory=time.monotonic)
    of: dict[str, list[tuple[float, int]]] = field(default_factory=dict)

    def take(self, daemons: dict[str, Daemon]) -> None:
        now = time.monotonic() - self.started
        for name, daemon in daemons.items():
            pids = {process.pid for process in daemon.family}
            pids |= {daemon.process.pid} if daemon.process else set()
            size = sum(map(_private_bytes, pids))
            self.of.setdefault(name, []).append((now, size))

    def growth(self, name: str) -> float:
        """Return the bytes a minute by which it grew in the second half, when it was warm."""
        samples = self.of[name][len(self.of[name]) // 2 :]
        times, sizes = zip(*samples, strict=True)
        return linear_regression(times, sizes).slope * 60

    def report(self) -> str:
        lines = [
            "| process | at first, MiB | at last, MiB | growth, MiB a minute |",
            "| --- | --- | --- | --- |",
        ]
        for name, samples in self.of.items():
            first, last = samples[0][1] / MIB, samples[-1][1] / MIB
            lines.append(f"| {name} | {first:.0f} | {last:.0f} | {self.growth(name) / MIB:+.2f} |")
        return "\n".join(lines)


def _private_bytes(pid: int) -> int:
    """Return what would be free if the process ended; 0 if it has."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


@contextmanager
def sampling(daemons: dict[str, Daemon]) -> Iterator[MemorySamples]:
    """Sample for the block."""
    samples, over = MemorySamples(), threading.Event()

    def sample() -> None:
        while not over.wait(EVERY_SECONDS):
            samples.take(daemons)

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()

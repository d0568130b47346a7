"""Processes that a test starts, freezes and kills with all their children."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from portal.embedded import processes
from portal.embedded.demo.parts import ROOT

STOP_SECONDS = 20.0


@dataclass
class Daemon:
    """A process of a site; ``uid`` is its account where the tests run as root."""

    name: str
    command: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    uid: int | None = None
    stop_signal: int = signal.SIGTERM
    before: Callable[[], None] = lambda: None
    process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def family(self) -> list[processes.Process]:
        return processes.family(self.process.pid) if self.process else []

    def start(self) -> None:
        self.before()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
                | self.env,
                user=self.uid,
                group=self.uid,
                extra_groups=None if self.uid is None else [],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=processes.preparation(self.stop_signal),
            )

    def kill(self) -> None:
        """Kill it and its children at once, as a lost host does."""
        self._signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        """Signal the leader first, so that it replaces no child, and then its children."""
        family = self.family
        if self.process and self.alive:
            self.process.send_signal(number)
        processes.send(family, number)

    def stop(self) -> None:
        """End it in good order, or else kill it."""
        family = self.family
        self.thaw()
        if self.process and self.alive:
            self.process.send_signal(self.stop_signal)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        processes.end(family, 1.0)
        if self.process:
            self.process.wait()

    def look_after(self) -> None:
        """Start it anew where it ended by itself, as systemd does."""
        if self.process is not None and self.process.poll() is not None:
            self.start()

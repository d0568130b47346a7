"""Start parts, keep them alive, and end all that was started.

One thread: the owner calls `tick` often (every wait in here does), which notices signals and dead
parts. What runs is recorded in `run/parts.json`, so that the next start can end what a kill -9 of
this process left behind.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from portal.embedded import processes
from portal.embedded.accounts import Account
from portal.embedded.errors import PartFailed, StopRequested
from portal.embedded.files import open_log, private_folder, tail
from portal.embedded.records import Lock, Records

TICK_SECONDS = 0.05
SETTLED_SECONDS = 5.0  # a part that lived this long starts its back-off anew
BACK_OFF_SECONDS = (0.0, 0.0, 0.5, 1.0, 1.0, 2.0, 5.0, 10.0)
TROUBLED_AFTER = 3  # quick deaths in a row


@dataclass(frozen=True)
class Part:
    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    account: Account | None = None
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 6.0
    before: Callable[[], None] = lambda: None
    tier: int = 1  # stopped together, the highest tier first


@dataclass
class Running:
    part: Part
    process: subprocess.Popen[bytes]
    identity: processes.Process
    log_offset: int
    started_at: float
    quick_deaths: int = 0
    restart_at: float | None = None


class ProcessSupervisor:
    def __init__(self, var: Path, say: Callable[[str], None] = print) -> None:
        self.var = var.absolute()
        self.say = say
        self.running: dict[str, Running] = {}
        self.restarts = 0
        self.starting = True  # a part that keeps dying ends the start; later it is retried for ever
        self._signal = 0
        self._waiting_make: Callable[[], bool] = lambda: False
        self._records = Records(self.var)
        self._lock = Lock(self.var)

    def __enter__(self) -> Self:
        self.var.mkdir(parents=True, exist_ok=True)
        private_folder(self.var / "logs")
        self._lock.take()
        self._records.end_leftovers(self.say)
        self.sockets = self._records.make_sockets_folder()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._records.clear()
        self._lock.release()

    def catch_signals(self) -> None:
        """Let the next tick raise `StopRequested` after Ctrl-C, SIGTERM or a closed terminal."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._note_signal)

    def follow_make(self) -> None:
        """Stop when the `make` that started this process stops.

        An interrupt sent to make alone is not passed on: make drops its handler and waits for this
        process. That it no longer catches the signal is the only thing to see.
        """
        make = os.getppid()
        processes.dies_with_parent(signal.SIGTERM)
        if processes.catches(make, signal.SIGINT):
            self._waiting_make = lambda: not processes.catches(make, signal.SIGINT)

    def start(self, part: Part) -> None:
        self._spawn(part)

    def pids(self) -> dict[str, int]:
        return {name: running.process.pid for name, running in self.running.items()}

    def log(self, name: str) -> Path:
        return self.var / "logs" / f"{name}.log"

    def tick(self) -> None:
        if self._waiting_make():
            self._signal = signal.SIGINT
        if self._signal:
            raise StopRequested(signal.Signals(self._signal).name)
        for running in list(self.running.values()):
            self._look_after(running)

    def wait_until(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            self.tick()
            if time.monotonic() > deadline:
                raise PartFailed(f"{what} was not ready after {seconds:.0f} s.\n{self._tails()}")
            time.sleep(TICK_SECONDS)

    def run(self, part: Part, *, show: bool = False) -> None:
        """Run a task to its end; `show` gives it the terminal instead of a log.

        Raises PartFailed for a status other than 0.
        """
        task = self._spawn(part, show=show)
        del self.running[part.name]
        try:
            while task.process.poll() is None:
                self.tick()
                time.sleep(TICK_SECONDS)
        finally:
            self._end(task)
        if task.process.returncode:
            raise PartFailed(self._obituary(task, f"{part.name} failed"))

    def stop(self) -> None:
        """Stop all parts: the highest tier first, all of a tier at once."""
        for tier in sorted({r.part.tier for r in self.running.values()}, reverse=True):
            members = [r for r in self.running.values() if r.part.tier == tier]
            families = {r.part.name: processes.family(r.process.pid) for r in members}
            for running in members:
                if running.process.poll() is None:
                    running.process.send_signal(running.part.stop_signal)
            for running in reversed(members):
                self._end(running, families[running.part.name])
                del self.running[running.part.name]

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self._signal = number

    def _spawn(self, part: Part, *, show: bool = False) -> Running:
        part.before()
        log = self.log(part.name)
        output = None if show else open_log(log)
        offset = log.stat().st_size if output is not None else 0
        account = part.account
        try:
            process = subprocess.Popen(
                part.command,
                env={**os.environ, **part.env},
                cwd=part.cwd,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=processes.preparation(part.stop_signal),
            )
        except OSError as error:
            raise PartFailed(f"{part.name} cannot start: {error}") from error
        finally:
            if output is not None:
                os.close(output)
        identity = processes.read(process.pid)
        assert identity is not None  # noqa: S101 (not reaped yet, so /proc has it)
        running = Running(part, process, identity, offset, time.monotonic())
        self.running[part.name] = running
        self._records.add(part.name, identity, part.command[0], part.stop_signal)
        return running

    def _look_after(self, running: Running) -> None:
        if running.restart_at is None:
            if running.process.poll() is not None:
                self._note_death(running)
        elif time.monotonic() >= running.restart_at:
            self._restart(running)

    def _note_death(self, running: Running) -> None:
        now = time.monotonic()
        settled = now - running.started_at >= SETTLED_SECONDS
        running.quick_deaths = 0 if settled else running.quick_deaths + 1
        processes.end(processes.family(running.process.pid), 0.5)
        troubled = running.quick_deaths >= TROUBLED_AFTER
        if troubled and self.starting:
            raise PartFailed(self._obituary(running, f"{running.part.name} keeps dying"))
        delay = BACK_OFF_SECONDS[min(running.quick_deaths, len(BACK_OFF_SECONDS) - 1)]
        running.restart_at = now + delay
        self.say(f"! {running.part.name} died ({_status(running)}): restarting in {delay:g} s")
        if running.quick_deaths == TROUBLED_AFTER:
            self.say(self._obituary(running, f"{running.part.name} keeps dying"))

    def _restart(self, running: Running) -> None:
        self._spawn(running.part).quick_deaths = running.quick_deaths
        self.restarts += 1

    def _end(self, running: Running, known: Sequence[processes.Process] = ()) -> None:
        """Give the leader its time to stop in good order, then end what is left of its family."""
        family = {*known, *processes.family(running.process.pid)}
        leader = running.process
        if leader.poll() is None:
            leader.send_signal(running.part.stop_signal)
            _wait(leader, running.part.stop_seconds)
        family |= set(processes.family(leader.pid))
        if leader.poll() is None:
            leader.kill()
            leader.wait()
        processes.end(list(family), 1.0)
        self._records.remove(running.part.name)

    def _obituary(self, running: Running, what: str) -> str:
        log = self.log(running.part.name)
        end = tail(log, since=running.log_offset)
        command = shlex.join(running.part.command)
        return f"{what} ({_status(running)}): {command}\n{end}\n    (whole log: {log})"

    def _tails(self) -> str:
        logs = (self.log(name) for name, r in self.running.items() if r.part.tier > 0)
        return "\n".join(f"  {log}:\n{tail(log, 6)}" for log in logs)


def _status(running: Running) -> str:
    code = running.process.returncode
    return signal.Signals(-code).name if code is not None and code < 0 else f"exit status {code}"


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return

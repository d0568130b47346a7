"""Find processes in /proc, with their sessions and descendants, and end them."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Process:
    """A process by pid and start time: a pid alone may be used again within one boot."""

    pid: int
    parent: int
    session: int
    started: int  # clock ticks since boot
    state: str

    @property
    def alive(self) -> bool:
        return self.state not in "ZX"


def read(pid: int) -> Process | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text[
        text.rindex(")") + 2 :
    ].split()  # the program's name before it may hold spaces and brackets
    return Process(pid, int(fields[1]), int(fields[3]), int(fields[19]), fields[0])


def living() -> list[Process]:
    processes = (read(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return [process for process in processes if process and process.alive]


def command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def catches(pid: int, signal_number: int) -> bool:
    """Return True if the process has a handler for this signal now."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    mask = status.partition("SigCgt:")[2].split(maxsplit=1)[0]
    return bool(int(mask, 16) >> (signal_number - 1) & 1)


@cache
def boot_id() -> str:
    """Return the id of this boot: start times count from it, so older records name nobody."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def still(process: Process) -> bool:
    now = read(process.pid)
    return now is not None and now.started == process.started and now.alive


def family(pid: int) -> list[Process]:
    """List the session that `pid` leads (or led), and every descendant, without `pid` itself."""
    everyone = living()
    inside = {pid} | {process.pid for process in everyone if process.session == pid}
    growing = True
    while growing:
        children = {p.pid for p in everyone if p.parent in inside or p.session in inside}
        growing = not children <= inside
        inside |= children
    return [process for process in everyone if process.pid in inside and process.pid != pid]


def send(processes: Iterable[Process], signal_number: int) -> None:
    for process in processes:
        if still(process):
            try:
                os.kill(process.pid, signal_number)
            except ProcessLookupError:
                continue


def wait_gone(processes: list[Process], seconds: float) -> bool:
    """Wait until all have ended; False after `seconds`. A zombie counts as ended."""
    deadline = time.monotonic() + seconds
    while True:
        if not any(still(process) for process in processes):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)


def end(processes: list[Process], seconds: float) -> None:
    """End processes by SIGTERM, and those that are left after the deadline by SIGKILL."""
    for signal_number, limit in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
        send(processes, signal_number)
        if wait_gone(processes, limit):
            return


@cache
def _libc() -> ctypes.CDLL | None:
    try:
        libc = ctypes.CDLL(None)
        return libc if hasattr(libc, "prctl") else None
    except OSError:
        return None


def dies_with_parent(signal_number: int) -> None:
    """Have the kernel signal this process when the thread that started it is gone."""
    libc = _libc()
    if libc is not None:
        libc.prctl(PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)


def preparation(signal_number: int) -> Callable[[], None]:
    """Return a preexec_fn that ends a part with its supervisor.

    The kernel ties it to the thread that starts the part, so only the main thread may.
    """
    parent = os.getpid()
    _libc()  # loaded before the fork

    def prepare() -> None:
        # What was started in the background ignores SIGINT, and its children would inherit that.
        signal.signal(signal_number, signal.SIG_DFL)
        dies_with_parent(signal_number)
        if os.getppid() != parent:  # the supervisor died between fork and prctl
            os._exit(1)

    return prepare

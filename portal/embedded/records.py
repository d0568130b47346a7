"""Lock a var folder, and record the processes there for the start after a kill -9."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from portal.embedded import processes
from portal.embedded.accounts import server_account
from portal.embedded.errors import AlreadyRunning, EmbeddedError
from portal.embedded.files import private_folder, read_json, write_json

MAX_SOCKET_PATH = 107  # bytes, by the kernel
LONGEST_NAME = "/.s.PGSQL.5432.lock"
PREFIX = "weightgate-"


class Lock:
    """A lock on a var folder by flock, which the kernel releases however its holder dies."""

    def __init__(self, var: Path) -> None:
        self._path = var / "run" / "lock"
        self._file: int | None = None

    def take(self) -> None:
        private_folder(self._path.parent)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(file, 32).decode().strip() or "unknown"
            os.close(file)
            raise AlreadyRunning(self._refusal(holder)) from None
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _refusal(self, holder: str) -> str:
        var = self._path.parent.parent
        return (
            f"{var} is in use by process {holder}. Stop it (kill {holder}), "
            "or choose another folder with WEIGHTGATE_VAR=…"
        )


class Records:
    def __init__(self, var: Path) -> None:
        self._path = var / "run" / "parts.json"
        self._parts: dict[str, dict[str, Any]] = {}
        self._sockets: Path | None = None

    def add(self, name: str, leader: processes.Process, program: str, stop_signal: int) -> None:
        entry = {"program": Path(program).name, "stop_signal": int(stop_signal)}
        self._parts[name] = {"leader": asdict(leader), **entry}
        self._save()

    def remove(self, name: str) -> None:
        self._parts.pop(name, None)
        self._save()

    def clear(self) -> None:
        if self._sockets:
            shutil.rmtree(self._sockets, ignore_errors=True)
        self._path.unlink(missing_ok=True)

    def make_sockets_folder(self) -> Path:
        """Make a folder for the sockets.

        Its path is short, since the kernel limits a socket's path to 107 bytes; its mode is 0700,
        since nothing else guards the servers, which ask for no password.
        """
        for place in (tempfile.gettempdir(), "/tmp", "/dev/shm"):  # noqa: S108 (mkdtemp: private)
            if _fits(place):
                self._sockets = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
                self._save()
                return self._sockets
        raise EmbeddedError("No temporary folder has a path short enough for a unix socket.")

    def end_leftovers(self, say: Callable[[str], None]) -> None:
        """End what a killed supervisor left running, and no stranger that has a pid of its now."""
        record = read_json(self._path)
        if not isinstance(record, dict) or record.get("boot") != processes.boot_id():
            return
        for name, entry in reversed(record.get("parts", {}).items()):
            leader = processes.Process(**entry["leader"])
            if _end_leftover(leader, entry["program"], entry["stop_signal"]):
                say(f"! ended {name} ({leader.pid}), left behind by an earlier start")
        if sockets := record.get("sockets"):
            shutil.rmtree(sockets, ignore_errors=True)
        self._path.unlink(missing_ok=True)

    def _save(self) -> None:
        sockets = str(self._sockets) if self._sockets else None
        record = {"boot": processes.boot_id(), "sockets": sockets, "parts": self._parts}
        write_json(self._path, record)


def _end_leftover(leader: processes.Process, program: str, stop_signal: int) -> bool:
    now = processes.read(leader.pid)
    if now and now.started != leader.started:
        return False  # another process has the pid now, and so the session
    family = [process for process in processes.family(leader.pid) if _since(process, leader)]
    is_its_program = any(program in word for word in processes.command_line(leader.pid))
    if now and is_its_program:
        processes.send([leader], stop_signal)
        processes.wait_gone([leader], 5.0)
        family.append(leader)
    processes.end(family, 2.0)
    return bool(family)


def _fits(place: str) -> bool:
    account = server_account()
    short = len(os.fsencode(f"{place}/{PREFIX}12345678{LONGEST_NAME}")) <= MAX_SOCKET_PATH
    return short and (account is None or account.can_pass(Path(place)))


def _since(process: processes.Process, leader: processes.Process) -> bool:
    return process.started >= leader.started

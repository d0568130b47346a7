"""Hashes of a folder's files, kept so that publishing again reads only what has changed.

One JSON line a file, appended as soon as the hash is known: a publishing that is killed loses at
most the files it was reading. A file is known by path, size and time of its last change.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from threading import Lock
from typing import NamedTuple

SETTLED_NS = 2_000_000_000


class Known(NamedTuple):
    size_bytes: int
    mtime_ns: int
    sha256: str
    git_sha1: str


class HashCache:
    def __init__(self, folder: Path, *, kept_in: Path) -> None:
        name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:32]
        self.file = kept_in / f"{name}.jsonl"
        self._known = _read(self.file)
        self._lock = Lock()

    def find(self, path: Path, status: os.stat_result) -> Known | None:
        """Return the hashes of a file whose size and time are as they were; None otherwise."""
        known = self._known.get(self._key(path))
        if known is None or known[:2] != (status.st_size, status.st_mtime_ns):
            return None
        return known

    def keep(self, path: Path, status: os.stat_result, sha256: str, git_sha1: str) -> None:
        # Another write within a tick of the clock would leave size and time as they are.
        if time.time_ns() - status.st_mtime_ns < SETTLED_NS:
            return
        key = self._key(path)
        known = Known(status.st_size, status.st_mtime_ns, sha256, git_sha1)
        with self._lock:
            self._known[key] = known
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("a", encoding="utf-8") as out:
                out.write(json.dumps([key, *known]) + "\n")

    @staticmethod
    def _key(path: Path) -> str:
        return str(path.resolve())


def _read(file: Path) -> dict[str, Known]:
    """Return the last entry for each file; a line that a crash cut short is skipped."""
    known = {}
    try:
        lines = file.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    for line in lines:
        try:
            key, *values = json.loads(line)
            known[key] = Known(*values)
        except (ValueError, TypeError):
            continue
    return known

"""The run's logbook: one JSON object a line, appended and synced while the run goes on.

Entries are never changed; a correction is a new entry that names the old one in ``corrects``.
An entry with ``ended_at`` ends its run; a run without one ended in a way nobody recorded.
"""

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

KINDS = frozenset(
    {"launch", "restart", "crash", "hardware", "incident", "hyperparameter", "software", "data"}
    | {"decision", "capacity", "oncall", "update", "milestone", "evaluation", "note"}
)
CAUSES = frozenset(
    {"ecc", "gpu_lost", "nccl", "cuda", "hang", "storage", "node_add", "divergence"}
    | {"loss_scale", "operator", "provider", "other"}
)
Entry = dict[str, Any]


class Logbook:
    """Writes one run's entries. entry numbers count from 1 over the whole file."""

    def __init__(self, path: Path, run: str, parent_run: str | None = None) -> None:
        self.path = path
        self.run, self.parent_run = run, parent_run
        self._next = len(read_logbook(path)) + 1

    def write(
        self, kind: str, body: str, *, automatic: bool = True, ends_run: bool = False, **fields: Any
    ) -> Entry:
        """Append an entry and sync it to the disk; fields that are None are left out.

        With ends_run, ``ended_at`` is the entry's own time. The clock is read once an entry: of two
        readings the later one could have been taken for the earlier field.
        """
        if kind not in KINDS or fields.get("cause", "other") not in CAUSES:
            raise ValueError(f"unknown kind {kind!r} or cause {fields.get('cause')!r}")
        moment = fields.pop("occurred_at", None) or now()
        entry = {
            "entry": self._next,
            "run": self.run,
            "parent_run": self.parent_run,
            "kind": kind,
            "automatic": automatic,
            "occurred_at": moment,
            "ended_at": moment if ends_run else None,
            **fields,
            "body": body,
        }
        entry = {name: value for name, value in entry.items() if value is not None}
        _append(self.path, json.dumps(entry, ensure_ascii=False) + "\n")
        self._next += 1
        return entry


def now() -> str:
    """The time in ISO 8601 with its zone."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def read_logbook(path: Path) -> list[Entry]:
    """All whole entries, oldest first; a line torn by a crash was never promised and is not one."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [json.loads(line) for line in lines if line]


def cut_torn_line(path: Path) -> int:
    """Cut what a crash left of a half-written line; returns the number of bytes cut."""
    content = path.read_bytes() if path.exists() else b""
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
    return len(content) - whole


def run_hours(entries: Iterable[Entry]) -> float:
    """Hours between each run's first and last entry, summed: failures count, pauses do not.

    Entries about a run that were found out later (crash) are at the time of its last sign of life.
    """
    spans: dict[str, list[datetime]] = {}
    for entry in entries:
        at = datetime.fromisoformat(entry["occurred_at"])
        spans.setdefault(entry["run"], []).append(at)
    return sum((max(s) - min(s)).total_seconds() for s in spans.values()) / 3600


def _append(path: Path, line: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, line.encode())
        os.fsync(handle)
    finally:
        os.close(handle)

"""Keep a run's logbook: one JSON object a line, appended and synced while the run goes on.

Entries are never changed; a correction is a new entry that names the old one in ``corrects``.
An entry with ``ended_at`` ends its run; a run without one ended in a way nobody recorded.
"""

import json
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inference.errors import TrainError

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
    """Writes one run's entries. Their numbers count from 1 over the whole file."""

    def __init__(self, path: Path, run: str, parent_run: str | None = None) -> None:
        self.path = path
        self.run, self.parent_run = run, parent_run
        entries = read_logbook(path)
        self._next = entries[-1]["entry"] + 1 if entries else 1

    def write(
        self, kind: str, body: str, *, automatic: bool = True, ends_run: bool = False, **fields: Any
    ) -> Entry:
        """Append an entry and sync it to the disk; fields that are None are left out.

        With ends_run, ``ended_at`` is the entry's own time. The clock is read once, so that the two
        are equal.
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


class SilentLogbook(Logbook):
    """The logbook of a rank that isn't the first: it keeps nothing, since rank 0 does."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.with_name(".none"), "1")

    def write(
        self, kind: str, body: str, *, automatic: bool = True, ends_run: bool = False, **fields: Any
    ) -> Entry:
        """Write nothing."""
        return {}


def now() -> str:
    """Return the time in ISO 8601 with its zone."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def read_logbook(path: Path) -> list[Entry]:
    """Read all whole entries, oldest first; a last line torn by a crash is not one.

    Raises TrainError naming the first line that this trainer did not write so.
    """
    if not path.exists():
        return []
    entries: list[Entry] = []
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        if not line.strip():
            continue
        try:
            entries.append(_parse(line, entries[-1]["entry"] if entries else 0))
        except (ValueError, RecursionError) as error:
            raise TrainError(
                f"{path}, line {number}: {_reason(error)}; put the line back as it was, or give "
                "another --out"
            ) from error
    return entries


def _parse(line: bytes, before: int) -> Entry:
    entry = json.loads(line.decode())
    if not isinstance(entry, dict):
        raise ValueError("it is no object, and so no entry of a logbook")
    for name, (fits, kind) in _FIELDS.items():
        if not fits(entry.get(name)):
            raise ValueError(f"{name} must be {kind}, as in every entry that a trainer writes")
    if entry["entry"] <= before:
        raise ValueError(f"entry {entry['entry']} follows entry {before}, so two writers were here")
    return entry


def _reason(error: ValueError | RecursionError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"its byte {error.start + 1} is not UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON ({error.msg}, column {error.colno})"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _is_moment(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_one_of(value: object, known: frozenset[str]) -> bool:
    return isinstance(value, str) and value in known


def _are_changes(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(change, dict) and isinstance(change.get("name"), str) and "to" in change
        for change in value
    )


def _are_digests(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(digest, str) for digest in value.values())


_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "entry": (lambda value: _is_count(value) and value > 0, "a whole number from 1"),
    "run": (lambda value: isinstance(value, str) and value != "", "the run's name"),
    "kind": (lambda value: _is_one_of(value, KINDS), "a known kind"),
    "occurred_at": (_is_moment, "a time with its zone"),
    "ended_at": (lambda value: value is None or _is_moment(value), "a time with its zone"),
    "cause": (lambda value: value is None or _is_one_of(value, CAUSES), "a known cause"),
    "step": (lambda value: value is None or _is_count(value), "a whole number"),
    "files": (lambda value: value is None or _are_digests(value), "an object of names and digests"),
    "changes": (lambda value: value is None or _are_changes(value), "a list of named values"),
}


def cut_torn_line(path: Path) -> int:
    """Cut off a line that a crash left half written; return the number of bytes cut."""
    content = path.read_bytes() if path.exists() else b""
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
    return len(content) - whole


def run_hours(entries: Iterable[Entry]) -> float:
    """Sum the hours between each run's first and last entry, so that pauses don't count.

    A crash is recorded later, with the time of the run's last entry.
    """
    spans: dict[str, list[datetime]] = {}
    for entry in entries:
        at = datetime.fromisoformat(entry["occurred_at"])
        spans.setdefault(entry["run"], []).append(at)
    return sum((max(s) - min(s)).total_seconds() for s in spans.values()) / 3600


def _append(path: Path, line: str) -> None:
    """Append the whole line and sync it, or leave the file as it was and raise OSError."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        before, content = os.fstat(handle).st_size, line.encode()
        try:
            while content:  # a disk that fills up takes a part first, and refuses the rest
                content = content[os.write(handle, content) :]
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, before)
            raise
    finally:
        os.close(handle)

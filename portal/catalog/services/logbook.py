"""The training logbook: read a lab's JSONL, keep each entry once, derive the totals."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.utils.dateparse import parse_datetime

from portal.catalog.models import LogbookEntry, ModelRepo

LOGBOOK_FILE = "logbook.jsonl"


@dataclass(frozen=True)
class RawEntry:
    """One line of the file, parsed, with its number from 1."""

    line: int
    content: dict[str, Any]
    digest: str


def read_logbook(path: Path) -> tuple[list[RawEntry], list[str]]:
    """The entries of a JSONL logbook, and a problem for each line that can't be kept."""
    entries, problems = [], []
    for line, text in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if not text.strip():
            continue
        problem, content = _parse(text)
        if problem:
            problems.append(f"{path.name}, line {line}: {problem}")
        else:
            digest = hashlib.sha256(text.encode()).hexdigest()
            entries.append(RawEntry(line, content, digest))
    return entries, problems


def _parse(text: str) -> tuple[str, dict[str, Any]]:
    try:
        content = json.loads(text)
    except ValueError as error:
        return f"not JSON ({error})", {}
    if not isinstance(content, dict):
        return "not an object", {}
    if content.get("kind") not in LogbookEntry.Kind.values:
        return f"kind must be one of {', '.join(LogbookEntry.Kind.values)}", {}
    moment = _moment(content.get("occurred_at"))
    if moment is None or moment.tzinfo is None:
        return "occurred_at must be a time with its zone, such as 2026-11-23T10:00:00+00:00", {}
    return _misfit(content), content


TEXTS = {"run": 80, "parent_run": 80, "cause": 40, "body": 100_000}
KINDS = {"figures": dict, "software": dict, "changes": list}


def _misfit(content: dict[str, Any]) -> str:
    """What of an entry the record has no room for."""
    for name, longest in TEXTS.items():
        if len(str(content.get(name) or "")) > longest or "\0" in str(content.get(name) or ""):
            return f"{name} must be at most {longest} characters, without U+0000"
    for name in ("step", "tokens"):
        if not isinstance(content.get(name, 0), int | None) or abs(content.get(name) or 0) >= 2**63:
            return f"{name} must be a whole number"
    for name, kind in KINDS.items():
        if not isinstance(content.get(name) or kind(), kind) or "\\u0000" in json.dumps(
            content.get(name)
        ):
            return f"{name} must be {'an object' if kind is dict else 'a list'}, without U+0000"
    if content.get("ended_at") and _moment(content["ended_at"]) is None:
        return "ended_at must be a time"
    return ""


def _moment(value: object) -> datetime | None:
    try:
        return parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        return None


def add_entries(repo: ModelRepo, entries: list[RawEntry], *, now: datetime) -> int:
    """Append the entries that the repo doesn't have yet; part of a publishing transaction."""
    known = set(repo.logbook.values_list("digest", flat=True))
    fresh = [entry for entry in entries if entry.digest not in known]
    start = repo.logbook.count() + 1
    rows = [_row(repo, entry, start + index, now) for index, entry in enumerate(fresh)]
    LogbookEntry.objects.bulk_create(rows)
    return len(rows)


def _row(repo: ModelRepo, entry: RawEntry, number: int, now: datetime) -> LogbookEntry:
    content = entry.content
    occurred_at = _moment(content["occurred_at"])
    if occurred_at is None:
        raise ValueError(f"line {entry.line}: occurred_at was not checked")
    return LogbookEntry(
        repo=repo,
        number=number,
        run=str(content.get("run", "")),
        parent_run=str(content.get("parent_run") or ""),
        kind=content["kind"],
        cause=str(content.get("cause") or ""),
        automatic=bool(content.get("automatic", False)),
        occurred_at=occurred_at,
        ended_at=_moment(content.get("ended_at")),
        zone=str(occurred_at.tzinfo),
        step=content.get("step"),
        tokens=content.get("tokens"),
        figures=content.get("figures") or {},
        changes=content.get("changes") or [],
        software=content.get("software") or {},
        body=str(content.get("body") or ""),
        recorded_at=now,
        digest=entry.digest,
    )


@dataclass(frozen=True)
class Totals:
    """What the entries add up to; derived, never typed."""

    entries: int
    restarts_by_hand: int
    restarts_automatic: int
    crashes: dict[str, int]
    span: timedelta | None
    loss: list[tuple[int, float]]


def totals(entries: list[LogbookEntry]) -> Totals:
    """Counts by kind and cause, the span from first to last, and the loss by step."""
    restarts = [entry for entry in entries if entry.kind == LogbookEntry.Kind.RESTART]
    crashes = Counter(entry.cause or "other" for entry in entries if entry.kind == "crash")
    times = [entry.occurred_at for entry in entries]
    return Totals(
        entries=len(entries),
        restarts_by_hand=sum(not entry.automatic for entry in restarts),
        restarts_automatic=sum(entry.automatic for entry in restarts),
        crashes=dict(crashes),
        span=max(times) - min(times) if times else None,
        loss=list(_losses(entries)),
    )


def _losses(entries: list[LogbookEntry]) -> Iterator[tuple[int, float]]:
    for entry in entries:
        loss = entry.figures.get("loss")
        if entry.kind == LogbookEntry.Kind.UPDATE and entry.step is not None and loss is not None:
            yield entry.step, float(loss)

"""The training logbook: read a lab's own, keep each entry once, derive the totals."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from portal.catalog.errors import NotPublishable
from portal.catalog.logbook.fields import WrongEntry, check_entry, correction_of, moment_of
from portal.catalog.logbook.markdown import read_entries
from portal.catalog.models import LogbookEntry, ModelRepo
from portal.errors import Invalid
from portal.parsing.json import read_object

NEVER = datetime.max.replace(tzinfo=UTC)

LOGBOOK_FILE = "logbook.jsonl"
LOGBOOK_FILES = (LOGBOOK_FILE, "logbook.md")


@dataclass(frozen=True)
class RawEntry:
    """An entry of the file, parsed, with its line number from 1."""

    line: int
    content: dict[str, Any]
    digest: str


def read_folder_logbook(folder: Path) -> tuple[list[RawEntry], list[str]]:
    """Read the logbook that a folder holds, if any; see ``read_logbook``."""
    present = [folder / name for name in LOGBOOK_FILES if (folder / name).is_file()]
    if len(present) > 1:
        return [], [f"There are {' and '.join(LOGBOOK_FILES)}: keep one of them"]
    return read_logbook(present[0]) if present else ([], [])


def read_logbook(path: Path) -> tuple[list[RawEntry], list[str]]:
    """Return the entries in the file's order, and a problem for each that can't be stored."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        return [], [f"{path.name} isn’t text: save it as UTF-8"]
    reading = _markdown if path.suffix == ".md" else _lines
    entries, problems = [], []
    for line, read in reading(text):
        if isinstance(read, RawEntry):
            entries.append(read)
        else:
            problems.append(f"{path.name}, line {line}: {read}")
    return entries, problems


def _lines(text: str) -> Iterator[tuple[int, RawEntry | WrongEntry]]:
    """Read JSONL; an entry is known by the hash of its line.

    Lines end at a line feed alone: texts in JSON may hold U+2028 and others that end a line too.
    """
    for line, text_line in enumerate(text.split("\n"), start=1):
        if not text_line.strip():
            continue
        try:
            content = _parse(text_line)
        except WrongEntry as error:
            yield line, error
        else:
            yield line, RawEntry(line, content, hashlib.sha256(text_line.encode()).hexdigest())


def _parse(text: str) -> dict[str, Any]:
    try:
        content = read_object(text.encode())
    except Invalid as error:
        raise WrongEntry(f"not an object in JSON ({error})") from error
    check_entry(content)
    return content


def _markdown(text: str) -> Iterator[tuple[int, RawEntry | WrongEntry]]:
    """Read Markdown, ordered by time: labs write newest first as often as oldest first."""
    entries: list[RawEntry] = []
    for line, content in read_entries(text):
        try:
            if isinstance(content, WrongEntry):
                raise content
            check_entry(content)
        except WrongEntry as error:
            yield line, error
        else:
            canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
            digest = hashlib.sha256(canonical.encode()).hexdigest()
            entries.append(RawEntry(line, content, digest))
    for entry in sorted(entries, key=lambda each: moment_of(each.content, "occurred_at") or NEVER):
        yield entry.line, entry


def fresh_entries(
    repo: ModelRepo, entries: list[RawEntry], *, now: datetime
) -> tuple[list[LogbookEntry], list[str]]:
    """Make rows for the entries that the repo doesn't have yet; return problems beside them."""
    known = {row.digest: row for row in repo.logbook.only("number", "digest")}
    rows, problems, number = [], [], len(known)
    for entry in entries:
        if entry.digest in known:
            continue
        number += 1
        row = _row(repo, entry, number, now)
        try:
            _amend(row, entry.content, list(known.values()))
        except WrongEntry as error:
            problems.append(f"logbook, line {entry.line}: {error}")
        known[entry.digest] = row
        rows.append(row)
    return rows, problems


def add_entries(repo: ModelRepo, entries: list[RawEntry], *, now: datetime) -> int:
    """Append the entries that the repo doesn't have yet, within a publishing's transaction.

    Raises NotPublishable where an entry amends one that isn't there.
    """
    rows, problems = fresh_entries(repo, entries, now=now)
    if problems:
        raise NotPublishable(problems)
    LogbookEntry.objects.bulk_create(row for row in rows if row.corrects is None)
    for row in rows:
        if row.corrects is not None:
            row.corrects_id = row.corrects.pk
            row.save()
    return len(rows)


def _amend(row: LogbookEntry, content: dict[str, Any], earlier: list[LogbookEntry]) -> None:
    """Let a row name the earlier one that it corrects, voids or reverts. Raises WrongEntry."""
    amended = correction_of(content)
    if amended is None:
        return
    row.correction, named = amended
    matching = [
        entry
        for entry in earlier
        if (entry.number == named if isinstance(named, int) else entry.digest.startswith(named))
    ]
    if len(matching) != 1:
        many = "more than one earlier entry has" if matching else "no earlier entry has"
        reference = "that number" if isinstance(named, int) else "that digest"
        raise WrongEntry(f"{row.correction} {named}: {many} {reference}")
    row.corrects = matching[0]


def _row(repo: ModelRepo, entry: RawEntry, number: int, now: datetime) -> LogbookEntry:
    content = entry.content
    occurred_at = moment_of(content, "occurred_at")
    if occurred_at is None:
        raise ValueError(f"line {entry.line}: occurred_at was not checked")
    return LogbookEntry(
        repo=repo,
        number=number,
        run=str(content.get("run", "")),
        parent_run=str(content.get("parent_run") or ""),
        author=str(content.get("author") or ""),
        kind=content["kind"],
        cause=str(content.get("cause") or ""),
        automatic=bool(content.get("automatic", False)),
        occurred_at=occurred_at,
        ended_at=moment_of(content, "ended_at"),
        zone=str(content.get("zone") or occurred_at.tzinfo)[:40],
        step=content.get("step"),
        tokens=content.get("tokens"),
        figures=content.get("figures") or {},
        changes=content.get("changes") or [],
        software=content.get("software") or {},
        body=str(content.get("body") or ""),
        recorded_at=now,
        digest=entry.digest,
    )

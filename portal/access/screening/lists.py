"""Edit and import the sanctions lists that screening compares people with."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction
from django_countries import countries

from portal.access.models import ScreeningEntry
from portal.access.screening import matching
from portal.accounts.models import User
from portal.accounts.operating import KEEP_LISTS, require_operator
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import FieldErrors
from portal.parsing.texts import text_problem

Kind = ScreeningEntry.Kind
LONGEST = 200
LONGEST_NOTE = 1000
MOST_LINES = 20_000  # of one import; more would hold the lock on the table for long


@dataclass(frozen=True)
class ListLine:
    """A line of an imported file, as an entry would store it."""

    kind: str
    value: str
    note: str


@dataclass
class ListImport:
    """The outcome of an import or its preview: new and known lines, and remedies for wrong ones."""

    new: list[ListLine] = field(default_factory=list)
    known: int = 0
    wrong: list[tuple[int, str]] = field(default_factory=list)


def _remedies(kind: str, value: str) -> dict[str, str]:
    """Return, by field, what to do about a line; empty if it is fine."""
    if kind not in Kind.values:
        return {"kind": f"Choose among {', '.join(Kind.values)}."}
    stored = matching.normal_value(kind, value)
    if kind == Kind.COUNTRY and stored not in dict(countries):
        return {"value": "Give the country’s code of two letters, such as NL."}
    if kind == Kind.DOMAIN and ("." not in stored or len(stored) > LONGEST):
        return {"value": "Give a domain, such as example.org."}
    if not stored or len(stored) > LONGEST:
        return {"value": f"Give a name of 1 to {LONGEST} characters."}
    return {}


@transaction.atomic
def add_entry(*, actor: User, kind: str, value: str, note: str, now: datetime) -> ScreeningEntry:
    """Add an entry, or return the one that is listed already. Raise FieldErrors if it is wrong."""
    require_operator(actor, KEEP_LISTS)
    if errors := _remedies(kind, value):
        raise FieldErrors(errors)
    if errors := _note_remedies(note):
        raise FieldErrors(errors)
    _write_alone()
    entry, is_new = ScreeningEntry.objects.get_or_create(
        kind=kind,
        value=matching.normal_value(kind, value),
        removed_at=None,
        defaults={"note": note.strip(), "added_by": actor, "added_at": now},
    )
    if is_new:
        record(
            EventType.SCREENING_ENTRY_ADDED,
            actor=actor,
            target=entry,
            at=now,
            **_public_facts(entry),
        )
    return entry


def _write_alone() -> None:
    """Lock the table against other writers, so that keys rise in the order of commits.

    A timer screens active grants against the entries after the last key that it saw. Without the
    lock a smaller key could be committed after a larger one, and the timer would never see it.
    """
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE access_screeningentry IN SHARE ROW EXCLUSIVE MODE")


@transaction.atomic
def remove_entry(*, actor: User, entry_id: int, now: datetime) -> None:
    """Remove an entry from the lists. Its row stays, since screenings refer to it."""
    require_operator(actor, KEEP_LISTS)
    entry = (
        ScreeningEntry.objects.select_for_update(no_key=True)
        .filter(pk=entry_id, removed_at=None)
        .first()
    )
    if entry is None:
        return
    entry.removed_by, entry.removed_at = actor, now
    entry.save(update_fields=["removed_by", "removed_at"])
    record(
        EventType.SCREENING_ENTRY_REMOVED, actor=actor, target=entry, at=now, **_public_facts(entry)
    )


def _public_facts(entry: ScreeningEntry) -> dict[str, str]:
    """Return what the record may say of an entry: parts of it are public, and lists name people."""
    return {"kind": entry.kind}


def read_lines(lines: str) -> ListImport:
    """Preview the import of a CSV of kind, value and note; a header line is skipped."""
    preview, seen = ListImport(), _listed()
    for number, cells in _cells(lines):
        kind, value, note = (*(cell.strip() for cell in cells[:3]), "", "", "")[:3]
        kind = kind.lower()
        if number == 1 and (kind, value.lower()) == ("kind", "value"):
            continue
        if remedies := _remedies(kind, value) or _note_remedies(note):
            preview.wrong.append((number, " ".join(remedies.values())))
            continue
        line = ListLine(kind, matching.normal_value(kind, value), note)
        if (line.kind, line.value) in seen:
            preview.known += 1
            continue
        seen.add((line.kind, line.value))
        preview.new.append(line)
    return preview


def _note_remedies(note: str) -> dict[str, str]:
    problem = text_problem(note, at_most=LONGEST_NOTE)
    return {"note": problem} if problem else {}


def _cells(text: str) -> Iterator[tuple[int, list[str]]]:
    rows = csv.reader(text.replace("\x00", "").splitlines())
    try:
        for number, cells in enumerate(rows, start=1):
            if number > MOST_LINES:
                raise FieldErrors({"lines": f"Import at most {MOST_LINES} lines at a time."})
            if any(cell.strip() for cell in cells):
                yield number, cells
    except csv.Error as error:
        raise FieldErrors({"lines": f"This can’t be read as CSV: {error}."}) from error


def _listed() -> set[tuple[str, str]]:
    entries = ScreeningEntry.objects.filter(removed_at=None)
    return set(entries.values_list("kind", "value"))


@transaction.atomic
def import_entries(*, actor: User, lines: str, now: datetime) -> ListImport:
    """Add every new line of a CSV. Raise FieldErrors, and add none, if one is wrong."""
    require_operator(actor, KEEP_LISTS)
    _write_alone()  # before the lines are read, so that none is taken for new that is added now
    imported = read_lines(lines)
    if imported.wrong:
        number, remedy = imported.wrong[0]
        more = len(imported.wrong) - 1
        rest = f" {more} more lines are wrong." if more else ""
        raise FieldErrors({"lines": f"Line {number}: {remedy}{rest}"})
    rows = [
        ScreeningEntry(
            kind=line.kind, value=line.value, note=line.note, added_by=actor, added_at=now
        )
        for line in imported.new
    ]
    ScreeningEntry.objects.bulk_create(rows, ignore_conflicts=True)
    if rows:
        record(
            EventType.SCREENING_ENTRIES_IMPORTED,
            actor=actor,
            target=actor,
            at=now,
            added=len(rows),
            list_version=matching.list_version(matching.active_entries()),
        )
    return imported

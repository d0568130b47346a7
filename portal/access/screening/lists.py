"""The lists that submissions are held against; the operators keep them."""

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
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import FieldErrors, Forbidden
from portal.parsing.texts import text_problem

Kind = ScreeningEntry.Kind
LONGEST = 200
LONGEST_NOTE = 1000
MOST_LINES = 20_000


@dataclass(frozen=True)
class ListLine:
    """One line of a file, as it would be kept."""

    kind: str
    value: str
    note: str


@dataclass
class ListImport:
    """What a file would do: ``wrong`` has the number of each line and what to do about it."""

    new: list[ListLine] = field(default_factory=list)
    known: int = 0
    wrong: list[tuple[int, str]] = field(default_factory=list)


def require_operator(operator: User) -> None:
    if not (operator.is_active and operator.is_superuser):
        raise Forbidden("The lists are kept by the operators of this installation.")


def _remedies(kind: str, value: str) -> dict[str, str]:
    """What is wrong with a line; empty where nothing is."""
    if kind not in Kind.values:
        return {"kind": f"Choose among {', '.join(Kind.values)}."}
    kept = matching.normal_value(kind, value)
    if kind == Kind.COUNTRY and kept not in dict(countries):
        return {"value": "Give the country’s code of two letters, such as NL."}
    if kind == Kind.DOMAIN and ("." not in kept or len(kept) > LONGEST):
        return {"value": "Give a domain, such as example.org."}
    if not kept or len(kept) > LONGEST:
        return {"value": f"Give a name of 1 to {LONGEST} characters."}
    return {}


@transaction.atomic
def add_entry(*, actor: User, kind: str, value: str, note: str, now: datetime) -> ScreeningEntry:
    """Add a line; one that stands already stays as it is."""
    require_operator(actor)
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
        record(EventType.SCREENING_ENTRY_ADDED, actor=actor, target=entry, at=now, **_told(entry))
    return entry


def _write_alone() -> None:
    """Let one writer at a time add lines, so that their keys rise in the order of their commits.

    The clock holds standing grants against the lines after the last that it saw, by key.
    """
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE access_screeningentry IN SHARE ROW EXCLUSIVE MODE")


@transaction.atomic
def remove_entry(*, actor: User, entry_id: int, now: datetime) -> None:
    """Take a line off the lists; the row stays, for what was held against it."""
    require_operator(actor)
    entry = ScreeningEntry.objects.select_for_update().filter(pk=entry_id, removed_at=None).first()
    if entry is None:
        return
    entry.removed_by, entry.removed_at = actor, now
    entry.save(update_fields=["removed_by", "removed_at"])
    record(EventType.SCREENING_ENTRY_REMOVED, actor=actor, target=entry, at=now, **_told(entry))


def _told(entry: ScreeningEntry) -> dict[str, str]:
    """The record is public in part, and a list names people: what it says of them stays out."""
    return {"kind": entry.kind}


def read_lines(lines: str) -> ListImport:
    """What a CSV of kind, value and note would do. A first line of these words is passed over."""
    found, seen = ListImport(), _standing()
    for number, cells in _cells(lines):
        kind, value, note = (*(cell.strip() for cell in cells[:3]), "", "", "")[:3]
        kind = kind.lower()
        if number == 1 and (kind, value.lower()) == ("kind", "value"):
            continue
        if remedies := _remedies(kind, value) or _note_remedies(note):
            found.wrong.append((number, " ".join(remedies.values())))
            continue
        line = ListLine(kind, matching.normal_value(kind, value), note)
        if (line.kind, line.value) in seen:
            found.known += 1
            continue
        seen.add((line.kind, line.value))
        found.new.append(line)
    return found


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


def _standing() -> set[tuple[str, str]]:
    standing = ScreeningEntry.objects.filter(removed_at=None)
    return set(standing.values_list("kind", "value"))


@transaction.atomic
def import_entries(*, actor: User, lines: str, now: datetime) -> ListImport:
    """Add every new line of a CSV; none, where one is wrong. Again, it adds nothing."""
    require_operator(actor)
    _write_alone()
    found = read_lines(lines)
    if found.wrong:
        number, remedy = found.wrong[0]
        more = len(found.wrong) - 1
        rest = f" {more} more lines are wrong." if more else ""
        raise FieldErrors({"lines": f"Line {number}: {remedy}{rest}"})
    rows = [
        ScreeningEntry(
            kind=line.kind, value=line.value, note=line.note, added_by=actor, added_at=now
        )
        for line in found.new
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
    return found

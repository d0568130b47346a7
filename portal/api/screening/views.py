"""The lists that submissions are held against, for the operators who keep them."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers

from portal.access.models import ScreeningEntry
from portal.access.screening.lists import (
    ListImport,
    add_entry,
    import_entries,
    read_lines,
    remove_entry,
    require_operator,
)
from portal.accounts.models import Scope
from portal.api.base.fields import Input, Output, PersonOutput
from portal.api.base.operations import Call, listing, operation

BIGGEST_FILE = 2_000_000


class EntryInput(Input):
    kind = serializers.ChoiceField(choices=ScreeningEntry.Kind.choices)
    value = serializers.CharField(max_length=200)
    note = serializers.CharField(max_length=1000, allow_blank=True, default="")


class EntryOutput(serializers.ModelSerializer[ScreeningEntry]):
    added_by = PersonOutput()

    class Meta:
        model = ScreeningEntry
        fields = ("id", "kind", "value", "note", "added_by", "added_at")


class ImportInput(Input):
    lines = serializers.CharField(
        max_length=BIGGEST_FILE, trim_whitespace=False, help_text="CSV: kind, value, note."
    )
    dry_run = serializers.BooleanField(default=False)


class WrongOutput(Output):
    line = serializers.IntegerField()
    remedy = serializers.CharField()


class ImportOutput(Output):
    new = serializers.IntegerField()
    known = serializers.IntegerField()
    wrong = WrongOutput(many=True)


class EntryFilters(Input):
    kind = serializers.ChoiceField(choices=ScreeningEntry.Kind.choices, required=False)
    q = serializers.CharField(max_length=200, required=False)


@listing(Scope.ADMIN, EntryOutput, filters=EntryFilters)
def list_entries(call: Call) -> QuerySet[ScreeningEntry]:
    """The lines that stand."""
    require_operator(call.person)
    standing = ScreeningEntry.objects.filter(removed_at=None).select_related("added_by")
    if kind := call.queries.get("kind"):
        standing = standing.filter(kind=kind)
    if q := call.queries.get("q"):
        standing = standing.filter(value__icontains=q)
    return standing.order_by("kind", "value", "pk")


@operation(
    Scope.ADMIN,
    gives=EntryOutput,
    takes=EntryInput,
    status=201,
    example={"kind": "domain", "value": "example.org", "note": "Asked of by the lab"},
)
def add(call: Call) -> ScreeningEntry:
    """Add a line. One that stands already stays as it is."""
    require_operator(call.person)
    return add_entry(actor=call.person, now=call.now, **call.data)


@operation(Scope.ADMIN)
def remove(call: Call, entry_id: int) -> None:
    """Take a line off the lists; the row stays for what was held against it."""
    remove_entry(actor=call.person, entry_id=entry_id, now=call.now)


@operation(
    Scope.ADMIN,
    gives=ImportOutput,
    takes=ImportInput,
    example={"lines": "kind,value,note\ndomain,example.org,", "dry_run": True},
)
def import_lines(call: Call) -> dict[str, object]:
    """Add every new line of a CSV; none, where one is wrong. A dry run tells which are."""
    require_operator(call.person)
    if call.data["dry_run"]:
        return _told(read_lines(call.data["lines"]))
    return _told(import_entries(actor=call.person, lines=call.data["lines"], now=call.now))


def _told(found: ListImport) -> dict[str, object]:
    wrong = [{"line": number, "remedy": remedy} for number, remedy in found.wrong]
    return {"new": len(found.new), "known": found.known, "wrong": wrong}

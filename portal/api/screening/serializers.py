"""The serializers of the screening lists."""

from __future__ import annotations

from rest_framework import serializers

from portal.access.models import ScreeningEntry
from portal.api.base.fields import StrictBooleanField, StrictCharField
from portal.api.base.serializers import Input, Output, PersonOutput

BIGGEST_FILE = 2_000_000


class EntryInput(Input):
    kind = serializers.ChoiceField(choices=ScreeningEntry.Kind.choices)
    value = StrictCharField(max_length=200)
    note = StrictCharField(max_length=1000, allow_blank=True, default="")


class EntryOutput(serializers.ModelSerializer[ScreeningEntry]):
    added_by = PersonOutput()

    class Meta:
        model = ScreeningEntry
        fields = ("id", "kind", "value", "note", "added_by", "added_at")


class ImportInput(Input):
    lines = StrictCharField(
        max_length=BIGGEST_FILE, trim_whitespace=False, help_text="CSV: kind, value, note."
    )
    dry_run = StrictBooleanField(default=False)


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

"""The record’s published heads, and the gate’s figures: for anybody."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from portal.api.base.fields import BIGGEST_ID, Input, Output
from portal.api.base.operations import Call, Who, listing, operation
from portal.audit.models import AuditEvent, ChainHead
from portal.site.performance import as_json, published

SHORTEST_HASH = 16  # what a letter quotes of it


class HeadOutput(serializers.ModelSerializer[ChainHead]):
    class Meta:
        model = ChainHead
        fields = ("day", "sequence", "hash", "published_at")


class HeadFilters(Input):
    sequence = serializers.IntegerField(min_value=1, max_value=BIGGEST_ID)
    hash = serializers.RegexField(
        rf"^[0-9a-f]{{{SHORTEST_HASH},64}}$",
        help_text="The whole hash, or the first 16 signs that a letter quotes.",
    )


class VerifiedOutput(Output):
    matches = serializers.BooleanField(help_text="The record has this hash at this place.")
    is_head = serializers.BooleanField(help_text="And it was published as a day’s head.")


class CellOutput(Output):
    days = serializers.IntegerField()
    withheld = serializers.BooleanField(help_text="Too few to tell without naming somebody.")
    requests = serializers.IntegerField(allow_null=True)
    decided_in_time = serializers.IntegerField(allow_null=True)
    percent = serializers.IntegerField(allow_null=True)


class LineOutput(Output):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    cells = CellOutput(many=True)


class FiguresOutput(Output):
    """As the transparency page publishes them, withheld cells included as null."""

    counted_at = serializers.DateTimeField()
    spans_days = serializers.ListField(child=serializers.IntegerField())
    sectors = LineOutput(many=True)
    repos = LineOutput(many=True)
    waiting = serializers.DictField()
    outcomes = serializers.DictField()


@listing(Who.ANYBODY, HeadOutput)
def list_heads(call: Call) -> QuerySet[ChainHead]:
    """The published heads of the record, the newest first."""
    return ChainHead.objects.all()


@operation(Who.ANYBODY, gives=VerifiedOutput, filters=HeadFilters)
def verify(call: Call) -> dict[str, bool]:
    """Whether the record still has what a receipt or certificate quotes of it."""
    asked = {"sequence": call.queries["sequence"], "hash__startswith": call.queries["hash"]}
    return {
        "matches": AuditEvent.objects.filter(**asked).exists(),
        "is_head": ChainHead.objects.filter(**asked).exists(),
    }


@operation(Who.ANYBODY, gives=FiguresOutput)
def show_transparency(call: Call) -> dict[str, Any]:
    """How the gate performs, over all public models: who waits is in the count."""
    return as_json(published(call.now))

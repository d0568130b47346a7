"""The serializers of the record and the gate’s figures."""

from __future__ import annotations

from rest_framework import serializers

from portal.api.base.fields import BIGGEST_ID
from portal.api.base.serializers import Input, Output
from portal.audit.models import ChainHead

SHORTEST_HASH = 16  # what a letter quotes of it


class HeadOutput(serializers.ModelSerializer[ChainHead]):
    class Meta:
        model = ChainHead
        fields = ("day", "sequence", "hash", "published_at")


class HeadFilters(Input):
    sequence = serializers.IntegerField(min_value=1, max_value=BIGGEST_ID)
    hash = serializers.RegexField(
        rf"^[0-9a-f]{{{SHORTEST_HASH},64}}$",
        help_text="The whole hash, or the first 16 characters, as letters quote it.",
        error_messages={
            "invalid": f"Send {SHORTEST_HASH} to 64 characters of the hash: 0 to 9 and a to f."
        },
    )


class VerifiedOutput(Output):
    matches = serializers.BooleanField(
        help_text="The record has this hash at this sequence number."
    )
    is_head = serializers.BooleanField(help_text="It was also published as a day’s head.")


class CellOutput(Output):
    days = serializers.IntegerField()
    withheld = serializers.BooleanField(
        help_text="The requests are too few to publish: it could identify somebody."
    )
    requests = serializers.IntegerField(allow_null=True)
    decided_in_time = serializers.IntegerField(allow_null=True)
    percent = serializers.IntegerField(allow_null=True)


class LineOutput(Output):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    cells = CellOutput(many=True)


class FiguresOutput(Output):
    """The figures of the transparency page; withheld cells are null."""

    counted_at = serializers.DateTimeField()
    spans_days = serializers.ListField(child=serializers.IntegerField())
    sectors = LineOutput(many=True)
    repos = LineOutput(many=True)
    waiting = serializers.DictField()
    outcomes = serializers.DictField()

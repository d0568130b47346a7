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


class MonthOutput(Output):
    """The figures of a month; those that are withheld are null."""

    month = serializers.CharField(help_text="Such as 2026-10. Months begin and end in UTC.")
    published_at = serializers.DateTimeField()
    sample = serializers.BooleanField(
        required=False, help_text="True for the invented months of a demo; else left out."
    )
    requests = serializers.DictField()
    decisions = serializers.DictField()
    undecided_at_end = serializers.IntegerField(
        allow_null=True, help_text="To the nearest ten; null for a few."
    )
    downloads = serializers.DictField()
    hosted = serializers.DictField()
    times = serializers.DictField(
        allow_null=True, help_text="Of the quarter that ends with this month."
    )


class FiguresOutput(Output):
    """The published months, the newest first."""

    months = MonthOutput(many=True)

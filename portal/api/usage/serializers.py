"""The serializers of the sums of use."""

from __future__ import annotations

from datetime import date
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.base.fields import SingleLineField
from portal.api.base.serializers import Input, Output
from portal.jobs.accounting.months import MONTH_REMEDY, REVERSED, month_named
from portal.jobs.accounting.usage import UsageGrouping


@extend_schema_field({"type": "string", "pattern": r"^20\d\d-(0[1-9]|1[0-2])$"})
class WrittenMonthField(serializers.Field[date, str, str, Any]):
    """A month, written as 2026-11."""

    def to_internal_value(self, data: Any) -> date:
        month = month_named(data) if isinstance(data, str) else None
        if month is None:
            raise serializers.ValidationError(MONTH_REMEDY)
        return month

    def to_representation(self, value: date) -> str:
        return f"{value:%Y-%m}"


class UsageFilters(Input):
    by = serializers.ChoiceField(
        choices=[str(by) for by in UsageGrouping], default=str(UsageGrouping.MONTH)
    )
    first = WrittenMonthField(
        required=False, help_text="The first month; eleven before the last if none."
    )
    last = WrittenMonthField(required=False, help_text="The last month; the present one if none.")
    model = SingleLineField(required=False, max_length=200, help_text="Only this model’s.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("first") and attrs.get("last") and attrs["last"] < attrs["first"]:
            raise serializers.ValidationError({"last": REVERSED})
        return attrs


class UsageOutput(Output):
    key = serializers.CharField(
        help_text="A month, a model’s name, a username or an organization’s name; may be empty."
    )
    label = serializers.CharField()  # type: ignore[assignment]
    jobs = serializers.IntegerField(help_text="Jobs that ended in these months.")
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    engine_seconds = serializers.FloatField()
    energy_wh = serializers.FloatField()
    measured = serializers.CharField(
        help_text="measured, estimated or partly measured; empty where no energy was used."
    )
    measured_wh = serializers.FloatField(help_text="The part of energy_wh that a meter read.")
    co2_g = serializers.FloatField()
    cost = serializers.DecimalField(max_digits=None, decimal_places=8)
    currency = serializers.CharField()
    idle_wh = serializers.FloatField(
        allow_null=True, help_text="What the models used beside their jobs; by month and model."
    )
    idle_co2_g = serializers.FloatField(allow_null=True)

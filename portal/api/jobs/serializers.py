"""The serializers of one's own jobs: without a word of a prompt or an output."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from portal.api.base.fields import SingleLineField
from portal.api.base.serializers import Input
from portal.jobs.models import Job
from portal.jobs.own.listing import REVERSED


class JobFiltersInput(Input):
    state = serializers.ChoiceField(choices=Job.State.choices, required=False)
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=Job.Source.choices, required=False
    )
    model = SingleLineField(required=False, max_length=200, help_text="Only this model’s.")
    first = serializers.DateField(required=False, help_text="The first day, in UTC.")
    last = serializers.DateField(required=False, help_text="The last day, in UTC.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("first") and attrs.get("last") and attrs["last"] < attrs["first"]:
            raise serializers.ValidationError({"last": REVERSED})
        return attrs


class JobOutput(serializers.ModelSerializer[Job]):
    model = serializers.CharField(source="repo.full_name")
    revision = serializers.CharField(source="revision.commit")
    is_measured = serializers.BooleanField(help_text="A meter read energy_wh; else an estimate.")
    has_prompt = serializers.BooleanField(help_text="Its prompt is kept, so it can be run again.")

    class Meta:
        model = Job
        fields: tuple[str, ...] = (
            "id",
            "model",
            "revision",
            "state",
            "source",
            "cancel_requested",
            "created_at",
            "started_at",
            "ended_at",
            "error",
            "prompt_tokens",
            "completion_tokens",
            "capture_bytes",
            "engine_seconds",
            "energy_wh",
            "is_measured",
            "co2_g",
            "cost",
            "currency",
            "has_prompt",
        )

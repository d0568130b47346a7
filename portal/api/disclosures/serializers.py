"""The serializers of disclosures: what operators ask to read of others' jobs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers

from portal.api.base.fields import FreeTextField
from portal.api.base.serializers import Input, Output, PersonOutput
from portal.jobs.disclosure.models import JobDisclosure
from portal.jobs.disclosure.services import ANSWER_PREFIX, NO_JOB


class JobIdField(serializers.UUIDField):
    """The id of a job, also as an answer of /v1 spells it: ``cmpl-…``."""

    default_error_messages = {"invalid": NO_JOB}

    def to_internal_value(self, data: Any) -> UUID:
        text = data.strip().removeprefix(ANSWER_PREFIX) if isinstance(data, str) else data
        return super().to_internal_value(text)


class DisclosureInput(Input):
    job = JobIdField(help_text="The id of one job, as in the log or in an answer of /v1.")
    reason = FreeTextField(help_text="The writer of the prompt reads it, with your name.")


class DisclosureOutput(serializers.ModelSerializer[JobDisclosure]):
    """A request to read one job’s texts, without them."""

    id = serializers.IntegerField(source="pk")
    job = serializers.UUIDField(source="job_id")
    model = serializers.CharField(source="job.repo.full_name")
    writer = PersonOutput(source="job.person")
    asked_by = PersonOutput()
    confirmed_by = PersonOutput(allow_null=True)
    opens_until = serializers.DateTimeField(
        allow_null=True, help_text="Null until another operator confirms it, where two are asked."
    )

    class Meta:
        model = JobDisclosure
        fields = (
            "id",
            "job",
            "model",
            "writer",
            "reason",
            "asked_by",
            "asked_at",
            "confirmed_by",
            "confirmed_at",
            "opens_until",
        )


class DisclosedTextOutput(Output):
    prompt = serializers.CharField()
    outputs = serializers.ListField(child=serializers.CharField())


class DisclosedTextsOutput(Output):
    """A job’s texts; none where they are forgotten. Each reading is on record."""

    texts = DisclosedTextOutput(many=True)

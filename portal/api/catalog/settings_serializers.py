"""The serializers of a model's settings, and of renaming and deleting it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from portal.api.base.fields import (
    FreeTextField,
    SingleLineField,
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
)
from portal.api.base.serializers import Input, Output
from portal.catalog.licensing.choosing import licence_named
from portal.catalog.models import EngineName, Gate, ModelRepo
from portal.catalog.services.repos import MOST_CONTEXT, MOST_PARAMETERS
from portal.catalog.statements import Consent, consent_of

DRY_RUN = "Check it and list what it affects, without changing anything."


class ModelSettingsInput(Input):
    """Any of the settings; those left out stay as they are."""

    summary = SingleLineField(required=False, max_length=300)
    why_gated = FreeTextField(required=False)
    family = SingleLineField(required=False, max_length=60)
    parameters = StrictIntegerField(
        required=False, allow_null=True, min_value=1, max_value=MOST_PARAMETERS
    )
    context_length = StrictIntegerField(
        required=False, allow_null=True, min_value=1, max_value=MOST_CONTEXT
    )
    licence = StrictCharField(
        required=False, allow_null=True, max_length=50, help_text="Its slug; null for none."
    )
    download_gate = serializers.ChoiceField(required=False, choices=Gate.choices)
    inference_gate = serializers.ChoiceField(required=False, choices=Gate.choices)
    hosted = StrictBooleanField(required=False)
    engine = serializers.ChoiceField(
        required=False,
        choices=EngineName.choices,
        allow_blank=True,
        help_text="The engine that serves it; empty for the one that its architecture has.",
    )
    prompt_days = StrictIntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        help_text="Days for which prompts and outputs are kept; null for the installation’s.",
    )
    pickles_allowed = StrictBooleanField(required=False)
    private = StrictBooleanField(required=False)


class StatementInput(Input):
    """A statement of the right to host the weights: one of both, or nothing."""

    licensor = StrictBooleanField(
        required=False, help_text="You state that you are the licensor of these weights."
    )
    consent = FreeTextField(
        required=False,
        help_text="Or that the licensor has consented in writing: who, when, where it is kept.",
    )


class ConsentInput(StatementInput):
    """A publisher’s consent, so that a revision may be everybody’s."""

    changed_terms = StrictBooleanField(
        required=False, help_text="You agree that others read this revision’s terms from now on."
    )


class ChangedSettingsInput(StatementInput, ModelSettingsInput):
    """Any of the settings, and by what right the weights are hosted."""


class HostingRightOutput(Output):
    """A statement by what right the weights are hosted."""

    person = serializers.CharField(source="person.username")
    stated_at = serializers.DateTimeField()
    consent = serializers.CharField(help_text="Empty where the person is the licensor.")
    holds = serializers.BooleanField(help_text="False once the licence is another: state it anew.")


class NewModelInput(ModelSettingsInput):
    """A new model’s name, and any of its settings. Without them it is private and open."""

    namespace = SingleLineField(max_length=96, allow_blank=False)
    name = SingleLineField(max_length=96, allow_blank=False)


class ModelSettingsOutput(serializers.ModelSerializer[ModelRepo]):
    name = serializers.CharField(source="full_name")
    licence = serializers.CharField(source="licence.slug", default=None)
    hosting_right = HostingRightOutput(default=None)

    class Meta:
        model = ModelRepo
        fields = (
            "name",
            "summary",
            "why_gated",
            "family",
            "parameters",
            "context_length",
            "licence",
            "hosting_right",
            "download_gate",
            "inference_gate",
            "hosted",
            "engine",
            "tool_parser",
            "prompt_days",
            "pickles_allowed",
            "private",
            "decision_days",
            "created_at",
        )


class RenameInput(Input):
    namespace = SingleLineField(
        required=False, max_length=96, allow_blank=False, help_text="Another lab; else the same."
    )
    name = SingleLineField(max_length=96, allow_blank=False)
    dry_run = StrictBooleanField(default=False, help_text=DRY_RUN)


class DeleteInput(Input):
    confirm = SingleLineField(default="", help_text="The model’s whole name; a dry run needs none.")
    dry_run = StrictBooleanField(default=False, help_text=DRY_RUN)


class EffectOutput(Output):
    """One consequence of a change: how many of what it meets, and what becomes of them."""

    subject = serializers.CharField()
    count = serializers.IntegerField()
    text = serializers.CharField()


class ChangedModelOutput(Output):
    """The model’s name afterwards, and what the change affects."""

    name = serializers.CharField(allow_null=True, help_text="Null once it is deleted.")
    dry_run = serializers.BooleanField()
    effects = EffectOutput(many=True)


def consent_in(data: dict[str, Any]) -> Consent:
    """Return what validated input agrees to. Raise FieldErrors or Invalid."""
    return consent_of(
        licensor=data.get("licensor", False),
        consent=data.get("consent"),
        changed_terms=data.get("changed_terms", False),
    )


def configuration_of(data: dict[str, Any]) -> dict[str, Any]:
    """Return validated settings as ``configure_repo`` takes them. Raise FieldErrors."""
    chosen = dict(data)
    if chosen.get("licence") is not None:
        chosen["licence"] = licence_named(chosen["licence"])
    return chosen

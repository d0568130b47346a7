"""The serializers of a gate’s settings, questions and team."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from portal.access.gate.settings import RANGES, SWITCHES
from portal.access.requests.form.questions import QuestionKind
from portal.api.base.fields import (
    SingleLineField,
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
)
from portal.api.base.serializers import Input, Output, PersonOutput
from portal.catalog.models import TeamMember

MOST_QUESTIONS = 100


class GateInput(Input):
    """Any of the settings; those left out stay as they are."""

    def get_fields(self) -> dict[str, Any]:
        numbers = {
            name: StrictIntegerField(required=False, help_text=f"{least} to {most}.")
            for name, (least, most) in RANGES.items()
        }
        switches = {name: StrictBooleanField(required=False) for name in sorted(SWITCHES)}
        chair = SingleLineField(
            required=False,
            allow_blank=True,
            help_text="Who decides where the votes differ: one of the team; empty for nobody.",
        )
        return {**numbers, **switches, "chair": chair}


class GateOutput(Output):
    def get_fields(self) -> dict[str, Any]:
        numbers = {name: serializers.IntegerField() for name in RANGES}
        switches = {name: serializers.BooleanField() for name in sorted(SWITCHES)}
        chair = serializers.CharField(help_text="A username; empty where nobody is the chair.")
        updated_at = serializers.DateTimeField(allow_null=True)
        return {**numbers, **switches, "chair": chair, "updated_at": updated_at}


class ShownIfField(Input):
    field = StrictCharField(max_length=40)
    equals = StrictCharField(max_length=200)


class QuestionInput(Input):
    """One question of the lab’s own. ``material``: a changed answer voids the votes before it."""

    name = StrictCharField(max_length=40)
    type = serializers.ChoiceField(choices=[(str(kind), str(kind)) for kind in QuestionKind])
    label = StrictCharField(max_length=500)  # type: ignore[assignment]
    step = StrictCharField(max_length=40)
    help = StrictCharField(max_length=1000, allow_blank=True, default="")
    required = StrictBooleanField(default=True)  # type: ignore[assignment]
    material = StrictBooleanField(default=False)
    choices = serializers.ListField(
        child=StrictCharField(max_length=200), max_length=100, default=list
    )
    shown_if = ShownIfField(allow_null=True, default=None)


class FormInput(Input):
    questions = serializers.ListField(child=QuestionInput(), max_length=MOST_QUESTIONS)
    over = StrictIntegerField(
        required=False, min_value=0, help_text="The version that this changes; 0 for none."
    )


class FormOutput(Output):
    version = serializers.IntegerField()
    questions = QuestionInput(many=True, source="fields")
    created_by = PersonOutput(allow_null=True)
    created_at = serializers.DateTimeField(allow_null=True)


class SeatInput(Input):
    person = SingleLineField(help_text="A username, or a confirmed e-mail address.")
    role = serializers.ChoiceField(choices=TeamMember.Role.choices)


class SeatOutput(Output):
    """Somebody of the team. ``role`` is the stronger where both seats are held."""

    person = PersonOutput(source="*")
    role = serializers.CharField(source="seat_role")
    model_role = serializers.CharField(allow_null=True, help_text="The seat on this model.")
    lab_role = serializers.CharField(
        allow_null=True, help_text="The seat in the whole lab, which is taken there."
    )

"""A gate for those who administer it: its settings, its questions, its team."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from portal.access.gate.question_versions import save_request_form
from portal.access.gate.settings import RANGES, SWITCHES, save_gate, seat_member, unseat_member
from portal.access.models import RequestForm
from portal.access.policy.gate_settings import settings_of
from portal.access.requests.form.questions import QuestionKind
from portal.accounts.models import Scope, User
from portal.api.base.fields import Input, Line, Output, PersonOutput
from portal.api.base.operations import Call, listing, operation
from portal.api.base.repos import administered
from portal.catalog.models import ModelRepo, TeamMember
from portal.errors import FieldErrors

MOST_QUESTIONS = 100


class GateInput(Input):
    """Any of the settings; the others stay."""

    def get_fields(self) -> dict[str, Any]:
        numbers = {
            name: serializers.IntegerField(required=False, help_text=f"{least} to {most}.")
            for name, (least, most) in RANGES.items()
        }
        switches = {name: serializers.BooleanField(required=False) for name in sorted(SWITCHES)}
        return {**numbers, **switches}


class GateOutput(Output):
    def get_fields(self) -> dict[str, Any]:
        numbers = {name: serializers.IntegerField() for name in RANGES}
        switches = {name: serializers.BooleanField() for name in sorted(SWITCHES)}
        return {**numbers, **switches, "updated_at": serializers.DateTimeField(allow_null=True)}


class ShownIfField(Input):
    field = serializers.CharField(max_length=40)
    equals = serializers.CharField(max_length=200)


class QuestionInput(Input):
    """One question of the lab’s own. ``material``: a changed answer voids the votes before it."""

    name = serializers.CharField(max_length=40)
    type = serializers.ChoiceField(choices=[(str(kind), str(kind)) for kind in QuestionKind])
    label = serializers.CharField(max_length=500)  # type: ignore[assignment]
    step = serializers.CharField(max_length=40)
    help = serializers.CharField(max_length=1000, allow_blank=True, default="")
    required = serializers.BooleanField(default=True)  # type: ignore[assignment]
    material = serializers.BooleanField(default=False)
    choices = serializers.ListField(
        child=serializers.CharField(max_length=200), max_length=100, default=list
    )
    shown_if = ShownIfField(allow_null=True, default=None)


class FormInput(Input):
    questions = serializers.ListField(child=QuestionInput(), max_length=MOST_QUESTIONS)
    over = serializers.IntegerField(
        required=False, min_value=0, help_text="The version that this changes; 0 for none."
    )


class FormOutput(Output):
    version = serializers.IntegerField()
    questions = QuestionInput(many=True, source="fields")
    created_by = PersonOutput(allow_null=True)
    created_at = serializers.DateTimeField(allow_null=True)


class SeatInput(Input):
    person = Line(help_text="A username, or a confirmed e-mail address.")
    role = serializers.ChoiceField(choices=TeamMember.Role.choices)


class SeatOutput(Output):
    person = PersonOutput(source="user")
    role = serializers.CharField()


def as_settings(call: Call, rows: Sequence[ModelRepo]) -> Sequence[dict[str, Any]]:
    return [_settings(each) for each in rows]


def _settings(repo: ModelRepo) -> dict[str, Any]:
    kept = settings_of(repo)
    own = {*RANGES, *SWITCHES} - {"decision_days"}
    values = {name: getattr(kept, name) for name in own}
    return {**values, "decision_days": repo.decision_days, "updated_at": kept.updated_at}


@operation(Scope.ADMIN, gives=GateOutput, prepare=as_settings)
def show_gate(call: Call, namespace: str, name: str) -> ModelRepo:
    """How a model's team works: quorum, days, two-person acts, members."""
    return administered(call, namespace, name)


@operation(
    Scope.ADMIN,
    gives=GateOutput,
    takes=GateInput,
    prepare=as_settings,
    example={"quorum": 2, "two_person_revocation": True},
)
def change_gate(call: Call, namespace: str, name: str) -> ModelRepo:
    """Change settings of a gate. Refused where its team could no longer do its work."""
    repo = administered(call, namespace, name)
    save_gate(actor=call.person, repo_id=repo.pk, values=call.data, now=call.now)
    return administered(call, namespace, name)


@listing(Scope.ADMIN, FormOutput)
def list_forms(call: Call, namespace: str, name: str) -> QuerySet[RequestForm]:
    """Each version of the lab's own questions, the newest first."""
    repo = administered(call, namespace, name)
    forms = RequestForm.objects.filter(repo=repo).select_related("created_by")
    return forms.order_by("-version")


FORM_EXAMPLE = {
    "over": 0,
    "questions": [
        {
            "name": "storage",
            "type": "long_text",
            "label": "Where will the weights be stored?",
            "step": "access",
            "material": True,
        }
    ],
}


@operation(Scope.ADMIN, gives=FormOutput, takes=FormInput, example=FORM_EXAMPLE)
def save_form(call: Call, namespace: str, name: str) -> RequestForm | dict[str, Any]:
    """Ask these questions from now on. A change is a new version; the same again makes none."""
    repo = administered(call, namespace, name)
    form = save_request_form(
        actor=call.person,
        repo_id=repo.pk,
        fields=[dict(each) for each in call.data["questions"]],
        over=call.data.get("over"),
        now=call.now,
    )
    return form or {"version": 0, "fields": [], "created_by": None, "created_at": None}


@listing(Scope.ADMIN, SeatOutput)
def list_team(call: Call, namespace: str, name: str) -> QuerySet[TeamMember]:
    """Who reviews and who administers a model."""
    repo = administered(call, namespace, name)
    return TeamMember.objects.filter(repo=repo).select_related("user").order_by("pk")


@operation(
    Scope.ADMIN,
    gives=SeatOutput,
    takes=SeatInput,
    example={"person": "reviewer", "role": "reviewer"},
)
def seat(call: Call, namespace: str, name: str) -> TeamMember:
    """Seat somebody on the team, or give them another role."""
    repo = administered(call, namespace, name)
    return seat_member(actor=call.person, repo_id=repo.pk, now=call.now, **call.data)


@operation(Scope.ADMIN)
def unseat(call: Call, namespace: str, name: str, username: str) -> None:
    """Take somebody off the team, unless it could then no longer do its work."""
    repo = administered(call, namespace, name)
    person = User.objects.filter(username__iexact=username).first()
    if person is None:
        raise FieldErrors({"username": "Nobody here has that username."})
    unseat_member(actor=call.person, repo_id=repo.pk, user_id=person.pk, now=call.now)

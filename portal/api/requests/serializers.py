"""The serializers of the caller’s own requests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from portal.access.models import AccessRequest, Submission
from portal.access.policy.request_actions import allowed_actions
from portal.access.requests.appeals import appealable_until
from portal.access.requests.form.questions import LONGEST_LINE, LONGEST_TEXT
from portal.access.review.status import grant_of, last_decision
from portal.api.base.fields import FreeTextField, IdField, SingleLineField, StrictCharField
from portal.api.base.serializers import Input, Output, SignatureInput

MOST_CHOICES = 100


@extend_schema_field(
    {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
)
class AnswerField(serializers.Field[Any, Any, Any, Any]):
    """A text, or a list of choices."""

    _text = StrictCharField(max_length=LONGEST_TEXT, allow_blank=True, trim_whitespace=False)
    _list = serializers.ListField(
        child=StrictCharField(max_length=LONGEST_LINE), max_length=MOST_CHOICES
    )
    child = _list.child

    def to_internal_value(self, data: Any) -> Any:
        kind = self._list if isinstance(data, list) else self._text
        return kind.run_validation(data)

    def to_representation(self, value: Any) -> Any:
        return value


class Answers(serializers.DictField):
    def __init__(self, **options: Any) -> None:
        super().__init__(
            child=AnswerField(),
            help_text="By the question’s name; see the model’s form.",
            **options,
        )


class StartInput(Input):
    repo = SingleLineField(help_text="namespace/name")


class SaveInput(Input):
    answers = Answers()


class SubmitInput(Input):
    signature = SignatureInput()


class AnswerInput(Input):
    answer = FreeTextField()
    changes = Answers(required=False)


class CorrectInput(Input):
    changes = Answers()


class AppealInput(Input):
    text = FreeTextField()


@extend_schema_serializer(component_name="RequestOutput")
class AccessRequestOutput(serializers.ModelSerializer[AccessRequest]):
    """A request of the caller’s, and what they may do with it now."""

    repo = serializers.CharField(source="repo.full_name")
    reference = serializers.CharField()
    allowed_acts = serializers.SerializerMethodField()

    class Meta:
        model = AccessRequest
        fields: tuple[str, ...] = (
            "id",
            "reference",
            "repo",
            "state",
            "created_at",
            "submitted_at",
            "due_at",
            "closed_at",
            "allowed_acts",
        )

    def get_allowed_acts(self, access_request: AccessRequest) -> list[str]:
        view = self.context["view"]
        return sorted(allowed_actions(view.user, access_request, view.now))


class QuestionOutput(Output):
    id = IdField()
    text = serializers.CharField()
    asked_at = serializers.DateTimeField()
    deadline_at = serializers.DateTimeField()
    answer = serializers.CharField()
    answered_at = serializers.DateTimeField(allow_null=True)


class DecisionOutput(Output):
    """A decision, without the names of those who decided."""

    verdict = serializers.CharField()
    reason_code = serializers.CharField()
    reason_text = StrictCharField()
    decided_at = serializers.DateTimeField()


@extend_schema_serializer(component_name="RequestDetailOutput")
class RequestDetailOutput(AccessRequestOutput):
    answers = serializers.SerializerMethodField(help_text="The draft, or the newest snapshot.")
    questions = QuestionOutput(many=True)
    decision = serializers.SerializerMethodField()
    grant_id = serializers.SerializerMethodField()
    appealable_until = serializers.SerializerMethodField()
    bundle_url = serializers.SerializerMethodField(
        help_text="The request as one ZIP file; by POST, in a session."
    )

    class Meta(AccessRequestOutput.Meta):
        fields = (
            *AccessRequestOutput.Meta.fields,
            "answers",
            "questions",
            "decision",
            "grant_id",
            "appealable_until",
            "bundle_url",
        )

    def get_answers(self, access_request: AccessRequest) -> dict[str, Any]:
        newest = access_request.submissions.last()
        return newest.answers if newest else _draft_answers(access_request.draft)

    @extend_schema_field(DecisionOutput(allow_null=True))
    def get_decision(self, access_request: AccessRequest) -> Any:
        decision = last_decision(access_request)
        return DecisionOutput(decision).data if decision else None

    def get_grant_id(self, access_request: AccessRequest) -> int | None:
        grant = grant_of(access_request)
        return grant.pk if grant else None

    def get_appealable_until(self, access_request: AccessRequest) -> datetime | None:
        return appealable_until(access_request)

    def get_bundle_url(self, access_request: AccessRequest) -> str | None:
        if not access_request.submissions.exists():
            return None
        return settings.BASE_URL + reverse("site:own_bundle", args=[access_request.pk])


def _draft_answers(draft: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out a signature that waits in a draft: it was given on a page, and is no answer."""
    return {name: value for name, value in draft.items() if name != "signature"}


class EventOutput(Output):
    at = serializers.DateTimeField()
    title = serializers.CharField()
    text = serializers.CharField()
    quote = serializers.CharField()


class SnapshotOutput(serializers.ModelSerializer[Submission]):
    class Meta:
        model = Submission
        fields = ("number", "occasion", "is_material", "submitted_at", "answers")


class PartOutput(Output):
    kind = serializers.ChoiceField(choices=["kept", "del", "ins"])
    text = serializers.CharField()


class DifferenceOutput(Output):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    before = serializers.CharField()
    after = serializers.CharField()
    material = serializers.BooleanField(help_text="Votes depend on it, so the change voided them.")
    parts = PartOutput(many=True)


class ChangeOutput(Output):
    snapshot = serializers.IntegerField(source="submission.number")
    submitted_at = serializers.DateTimeField(source="submission.submitted_at")
    rows = DifferenceOutput(many=True)

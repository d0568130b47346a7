"""What the operations on one’s own requests take and give."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.access.models import AccessRequest, Submission
from portal.access.requests.form.questions import LONGEST_LINE, LONGEST_TEXT
from portal.api.base.fields import Id, Input, Line, Output, SignatureInput, Words

MOST_CHOICES = 100


@extend_schema_field(
    {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
)
class AnswerField(serializers.Field[Any, Any, Any, Any]):
    """A text, or a list of choices."""

    _text = serializers.CharField(max_length=LONGEST_TEXT, allow_blank=True, trim_whitespace=False)
    _list = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_LINE), max_length=MOST_CHOICES
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
    repo = Line(help_text="namespace/name")


class SaveInput(Input):
    answers = Answers()


class SubmitInput(Input):
    signature = SignatureInput()


class AnswerInput(Input):
    answer = Words()
    changes = Answers(required=False)


class CorrectInput(Input):
    changes = Answers()


class AppealInput(Input):
    text = Words()


class RequestOutput(serializers.ModelSerializer[AccessRequest]):
    """A request of one’s own, and what one may do with it now."""

    repo = serializers.CharField(source="repo.full_name")
    reference = serializers.CharField()
    allowed_acts = serializers.ListField(child=serializers.CharField())

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


class QuestionOutput(Output):
    id = Id()
    text = serializers.CharField()
    asked_at = serializers.DateTimeField()
    deadline_at = serializers.DateTimeField()
    answer = serializers.CharField()
    answered_at = serializers.DateTimeField(allow_null=True)


class DecisionOutput(Output):
    """Told without the names of those who decided."""

    verdict = serializers.CharField()
    reason_code = serializers.CharField()
    reason_text = serializers.CharField()
    decided_at = serializers.DateTimeField()


class RequestDetailOutput(RequestOutput):
    answers = serializers.DictField(help_text="The draft, or the newest snapshot.")
    questions = QuestionOutput(many=True)
    decision = DecisionOutput(allow_null=True)
    grant_id = serializers.IntegerField(allow_null=True)
    appealable_until = serializers.DateTimeField(allow_null=True)
    bundle_url = serializers.CharField(
        allow_null=True, help_text="All of it as one file; by POST, in a session."
    )

    class Meta(RequestOutput.Meta):
        fields = (
            *RequestOutput.Meta.fields,
            "answers",
            "questions",
            "decision",
            "grant_id",
            "appealable_until",
            "bundle_url",
        )


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
    material = serializers.BooleanField(help_text="Votes rest on it, so its change voided them.")
    parts = PartOutput(many=True)


class ChangeOutput(Output):
    snapshot = serializers.IntegerField(source="submission.number")
    submitted_at = serializers.DateTimeField(source="submission.submitted_at")
    rows = DifferenceOutput(many=True)

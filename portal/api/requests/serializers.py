"""The serializers of the caller’s own requests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from portal.access.models import AccessRequest, Decision, Submission
from portal.access.policy.request_actions import allowed_actions
from portal.access.requests.appeals import appealable_until
from portal.access.requests.form.questions import LONGEST_LINE, LONGEST_TEXT
from portal.access.requests.texts_to_sign import TextToSign, texts_to_sign
from portal.access.review.status import is_draft, told_decision_of, told_grants_of
from portal.api.base.fields import FreeTextField, IdField, SingleLineField, StrictCharField
from portal.api.base.serializers import Input, Output, SignatureInput
from portal.api.licences.serializers import AttestationOutput
from portal.catalog.collections.changes import MOST_MODELS

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
    signature = SignatureInput(
        required=False, help_text="Of the text to sign, where the request has one."
    )
    signatures = serializers.ListField(
        child=SignatureInput(),
        max_length=MOST_MODELS,
        required=False,
        help_text="One of each text, where the models of a collection stand under several. "
        "Leave out any that stands already; see the request’s licences.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "signature" in attrs and "signatures" in attrs:
            raise serializers.ValidationError(
                {"signature": ["Send it among the signatures, or alone: leave one field out."]}
            )
        return attrs


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

    repo = serializers.CharField(
        source="repo.full_name", help_text="Through a collection, the model that leads it."
    )
    collection = serializers.CharField(source="collection.full_name", default=None, allow_null=True)
    reference = serializers.CharField()
    allowed_acts = serializers.SerializerMethodField()

    class Meta:
        model = AccessRequest
        fields: tuple[str, ...] = (
            "id",
            "reference",
            "repo",
            "collection",
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

    def to_representation(self, instance: AccessRequest) -> dict[str, Any]:
        """Give the state as the applicant may know it, while the team may undo what it did."""
        shown = instance.as_shown(self.context["view"].now)
        output = super().to_representation(instance)
        return output | {"state": shown.state, "closed_at": output["closed_at"] and shown.closed_at}


class RequestTextOutput(Output):
    """A licence text of the request, for the models under it."""

    licence = serializers.CharField(source="version.licence.slug")
    version = serializers.CharField(source="version.version")
    sha256 = serializers.CharField(source="version.sha256")
    models = serializers.SerializerMethodField()
    attestations = AttestationOutput(source="version.attestations", many=True)
    is_signed = serializers.SerializerMethodField(
        help_text="A signature of it stands already within the collection."
    )

    def get_models(self, text: TextToSign) -> list[str]:
        return [repo.full_name for repo in text.repos]

    def get_is_signed(self, text: TextToSign) -> bool:
        return text.standing is not None


class QuestionOutput(Output):
    """A question, at the time when its applicant is told of it."""

    id = IdField()
    text = serializers.CharField()
    asked_at = serializers.DateTimeField(source="told_at")
    deadline_at = serializers.DateTimeField()
    answer = serializers.CharField()
    answered_at = serializers.DateTimeField(allow_null=True)


class DecisionOutput(Output):
    """A decision, at the time when its applicant is told of it, without who decided."""

    verdict = serializers.CharField()
    reason_code = serializers.CharField()
    reason_text = StrictCharField()
    decided_at = serializers.DateTimeField(source="told_at")


@extend_schema_serializer(component_name="RequestDetailOutput")
class RequestDetailOutput(AccessRequestOutput):
    answers = serializers.SerializerMethodField(help_text="The draft, or the newest snapshot.")
    licences = serializers.SerializerMethodField(
        help_text="Of a draft: each text to sign for the models that it names."
    )
    questions = serializers.SerializerMethodField()
    decision = serializers.SerializerMethodField()
    grant_id = serializers.IntegerField(
        default=None, allow_null=True, read_only=True, help_text="The first of ``grant_ids``."
    )
    grant_ids = serializers.SerializerMethodField(
        help_text="One for each licence of the models that were given."
    )
    appealable_until = serializers.SerializerMethodField()
    bundle_url = serializers.SerializerMethodField(
        help_text="The request as one ZIP file; by POST, in a session."
    )

    class Meta(AccessRequestOutput.Meta):
        fields = (
            *AccessRequestOutput.Meta.fields,
            "answers",
            "licences",
            "questions",
            "decision",
            "grant_id",
            "grant_ids",
            "appealable_until",
            "bundle_url",
        )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._decisions: dict[int, Decision | None] = {}

    def to_representation(self, instance: AccessRequest) -> dict[str, Any]:
        """Name the first grant by itself too, for clients that know of one."""
        output = super().to_representation(instance)
        return output | {"grant_id": next(iter(output["grant_ids"]), None)}

    def get_answers(self, access_request: AccessRequest) -> dict[str, Any]:
        newest = access_request.submissions.last()
        return newest.answers if newest else _draft_answers(access_request.draft)

    @extend_schema_field(QuestionOutput(many=True))
    def get_questions(self, access_request: AccessRequest) -> Any:
        if is_draft(access_request):
            return []
        questions = access_request.questions.told(self.context["view"].now)
        return QuestionOutput(questions, many=True).data

    @extend_schema_field(DecisionOutput(allow_null=True))
    def get_decision(self, access_request: AccessRequest) -> Any:
        decision = self._decision(access_request)
        return DecisionOutput(decision).data if decision else None

    def _decision(self, access_request: AccessRequest) -> Decision | None:
        """Return the decision that the applicant knows of, which several fields ask for."""
        if is_draft(access_request):
            return None
        if access_request.pk not in self._decisions:
            decision = told_decision_of(access_request, self.context["view"].now)
            self._decisions[access_request.pk] = decision
        return self._decisions[access_request.pk]

    @extend_schema_field(RequestTextOutput(many=True))
    def get_licences(self, access_request: AccessRequest) -> Any:
        if not is_draft(access_request):
            return []
        texts = texts_to_sign(access_request, self.context["view"].now)
        return RequestTextOutput(texts, many=True).data

    def get_grant_ids(self, access_request: AccessRequest) -> list[int]:
        if self._decision(access_request) is None:
            return []
        return [grant.pk for grant in told_grants_of(access_request, self.context["view"].now)]

    def get_appealable_until(self, access_request: AccessRequest) -> datetime | None:
        return appealable_until(access_request.as_shown(self.context["view"].now))

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

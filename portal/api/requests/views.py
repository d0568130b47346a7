"""The caller's own requests, from the draft to the appeal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.errors import RequestNotFound
from portal.access.models import AccessRequest, RequestForm
from portal.access.requests.answering import answer_question, correct_request, resume_request
from portal.access.requests.appeals import appeal_request
from portal.access.requests.drafts import discard_draft, save_draft, start_draft
from portal.access.requests.form.questions import BASE_NAMES, lab_questions, newest_form
from portal.access.requests.submission import submit_request, withdraw_request
from portal.api.base.permissions import IsAuthenticated, IsSession
from portal.api.base.schema import example, refusal
from portal.api.base.serializers import SIGNATURE_EXAMPLE
from portal.api.base.views import ApiListView, ApiRetrieveView, ApiView, SigningMixin
from portal.api.requests.history_views import ChangeListView, EventListView, SnapshotListView
from portal.api.requests.serializers import (
    AnswerInput,
    AppealInput,
    CorrectInput,
    RequestDetailOutput,
    RequestOutput,
    SaveInput,
    StartInput,
    SubmitInput,
)
from portal.catalog.services.lookup import find_repo
from portal.errors import FieldErrors

ANSWERS_EXAMPLE = {
    "name": "Researcher Name",
    "organization": "Example University",
    "country": "NL",
    "sector": "academia",
    "purpose": "How well is a model of this size calibrated?",
    "outputs": "A paper and its code.",
    "modes": ["download"],
    "compute": "One node of eight GPUs.",
}


class OwnRequestMixin(ApiView):
    """A view of the caller's own requests; for anybody else there are none."""

    permission_classes = [IsAuthenticated]

    def own_requests(self) -> QuerySet[AccessRequest]:
        requests = AccessRequest.objects.of(self.user)
        return self.within(requests.select_related("repo__namespace", "applicant"))

    def find(self, request_id: int) -> AccessRequest:
        access_request = self.own_requests().filter(pk=request_id).first()
        if access_request is None:
            raise RequestNotFound
        return access_request

    def get_request(self) -> AccessRequest:
        return self.find(self.kwargs["request_id"])


def require_asked(names: Mapping[str, Any], form: RequestForm | None, *, inside: str) -> None:
    """Raise FieldErrors naming each answer to what isn't asked, within the field it is in."""
    asked = BASE_NAMES | {question.name for question in lab_questions(form)}
    if strange := sorted(set(names) - asked):
        errors = dict.fromkeys(strange, "This isn’t asked here. Leave it out.")
        raise FieldErrors(errors, inside=inside)


@extend_schema_view(get=extend_schema(operation_id="list_requests"))
class RequestListView(OwnRequestMixin, ApiListView):
    """List the caller's own requests, newest first."""

    write_permission_classes = [IsSession]
    serializer_class = RequestOutput
    input_serializer_class = StartInput

    def get_queryset(self) -> QuerySet[AccessRequest]:
        return self.own_requests()

    @extend_schema(
        operation_id="start_request",
        responses={201: RequestDetailOutput, 404: refusal(404)},
        examples=example(repo="lab/model"),
    )
    def post(self, request: Request) -> Response:
        """Begin a draft, or return the one that is open already."""
        repo = find_repo(self.validated_data["repo"], caller=self.caller)
        draft = start_draft(applicant=self.user, repo_id=repo.pk, now=self.now)
        context = self.get_serializer_context()
        shown = RequestDetailOutput(self.find(draft.pk), context=context)
        return Response(shown.data, status=201)


@extend_schema_view(get=extend_schema(operation_id="show_request"))
class RequestView(OwnRequestMixin, ApiRetrieveView):
    """Show one of the caller's requests: answers, questions, decision, what may be done now."""

    write_permission_classes = [IsSession]
    serializer_class = RequestDetailOutput
    input_serializer_class = SaveInput

    def get_object(self) -> AccessRequest:
        return self.get_request()

    @extend_schema(operation_id="save_request", examples=example(answers=ANSWERS_EXAMPLE))
    def patch(self, request: Request, request_id: int) -> Response:
        """Keep these answers in the draft, right or wrong; the others stay as they are."""
        access_request, answers = self.get_request(), self.validated_data["answers"]
        require_asked(answers, newest_form(access_request.repo), inside="answers")
        save_draft(applicant=self.user, request_id=request_id, answers=answers, now=self.now)
        return self.retrieve(request)

    @extend_schema(operation_id="discard_request", responses={204: None})
    def delete(self, request: Request, request_id: int) -> Response:
        """Throw a draft away; nothing of it is kept."""
        self.get_request()
        discard_draft(applicant=self.user, request_id=request_id, now=self.now)
        return Response(status=204)


class RequestActionView(RetrieveModelMixin, OwnRequestMixin):
    """A view that does one thing to a request of the caller's, and shows its new state."""

    permission_classes = [IsSession]
    serializer_class = RequestDetailOutput

    def get_object(self) -> AccessRequest:
        return self.get_request()

    def post(self, request: Request, request_id: int) -> Response:
        self.perform(self.get_request())
        return self.retrieve(request)

    def perform(self, access_request: AccessRequest) -> None:
        raise NotImplementedError

    def get_changes(self, access_request: AccessRequest) -> dict[str, Any]:
        """Return the changes to the answers that were sent, if only to what the form asks."""
        changes: dict[str, Any] = self.validated_data.get("changes", {})
        newest = access_request.submissions.select_related("form").last()
        require_asked(changes, newest.form if newest else None, inside="changes")
        return changes


@extend_schema_view(
    post=extend_schema(operation_id="submit", examples=example(signature=SIGNATURE_EXAMPLE))
)
class SubmitView(SigningMixin, RequestActionView):
    """Sign the licence in force, and submit the draft to the reviewers. The draft is frozen."""

    input_serializer_class = SubmitInput

    def perform(self, access_request: AccessRequest) -> None:
        submit_request(
            applicant=self.user,
            request_id=access_request.pk,
            signature=self.signature,
            now=self.now,
        )


ANSWER_EXAMPLE = example(answer="The checkpoints stay on the cluster.")


@extend_schema_view(post=extend_schema(operation_id="answer", examples=ANSWER_EXAMPLE))
class AnswerView(RequestActionView):
    """Answer the open question, with changes to the answers where they are wanted."""

    input_serializer_class = AnswerInput

    def perform(self, access_request: AccessRequest) -> None:
        answer_question(
            applicant=self.user,
            request_id=access_request.pk,
            answer=self.validated_data["answer"],
            changes=self.get_changes(access_request),
            now=self.now,
        )


@extend_schema_view(
    post=extend_schema(
        operation_id="correct",
        examples=example(changes={"outputs": "A paper, its code, and no checkpoints."}),
    )
)
class CorrectView(RequestActionView):
    """Correct what was submitted. A change makes a new snapshot; no change makes none."""

    input_serializer_class = CorrectInput

    def perform(self, access_request: AccessRequest) -> None:
        changes = self.get_changes(access_request)
        correct_request(
            applicant=self.user, request_id=access_request.pk, changes=changes, now=self.now
        )


@extend_schema_view(post=extend_schema(operation_id="withdraw"))
class WithdrawView(RequestActionView):
    """End a request that nobody has decided. Another may be made at any time."""

    def perform(self, access_request: AccessRequest) -> None:
        withdraw_request(applicant=self.user, request_id=access_request.pk, now=self.now)


@extend_schema_view(post=extend_schema(operation_id="resume", examples=ANSWER_EXAMPLE))
class ResumeView(RequestActionView):
    """Resume a request that lapsed, with the answer that it waited for."""

    input_serializer_class = AnswerInput

    def perform(self, access_request: AccessRequest) -> None:
        resume_request(
            applicant=self.user,
            request_id=access_request.pk,
            answer=self.validated_data["answer"],
            changes=self.get_changes(access_request),
            now=self.now,
        )


@extend_schema_view(
    post=extend_schema(
        operation_id="appeal",
        examples=example(text="The decision took the study for a product; it is a thesis."),
    )
)
class AppealView(RequestActionView):
    """Appeal once: people who didn't decide look at the request again."""

    input_serializer_class = AppealInput

    def perform(self, access_request: AccessRequest) -> None:
        text = self.validated_data["text"]
        appeal_request(applicant=self.user, request_id=access_request.pk, text=text, now=self.now)


@extend_schema_view(get=extend_schema(operation_id="list_events"))
class RequestEventListView(OwnRequestMixin, EventListView):
    """List what happened to a request of the caller's, newest first."""


@extend_schema_view(get=extend_schema(operation_id="list_snapshots"))
class RequestSnapshotListView(OwnRequestMixin, SnapshotListView):
    """List each frozen state of the answers, oldest first."""


@extend_schema_view(get=extend_schema(operation_id="list_differences"))
class RequestChangeListView(OwnRequestMixin, ChangeListView):
    """List each snapshot after the first with what it changed, newest first."""

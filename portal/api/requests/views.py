"""The caller's own requests, from the draft to the appeal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.errors import RequestNotFound
from portal.access.models import AccessRequest, RequestForm
from portal.access.requests.drafts import discard_draft, save_draft, start_draft
from portal.access.requests.form.questions import BASE_NAMES, lab_questions, newest_form
from portal.api.base.schema import example, refusal
from portal.api.base.views import ApiListView, ApiRetrieveView, ApiView
from portal.api.requests.history_views import ChangeListView, EventListView, SnapshotListView
from portal.api.requests.serializers import (
    AccessRequestOutput,
    RequestDetailOutput,
    SaveInput,
    StartInput,
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

    def own_requests(self) -> QuerySet[AccessRequest]:
        requests = AccessRequest.objects.of(self.user)
        return self.within(
            requests.select_related("repo__namespace", "collection__namespace", "applicant")
        )

    def find(self, request_id: int) -> AccessRequest:
        access_request = self.own_requests().filter(pk=request_id).first()
        if access_request is None:
            raise RequestNotFound
        return access_request

    def get_request(self) -> AccessRequest:
        return self.find(self.kwargs["request_id"])


def require_asked(names: Mapping[str, Any], form: RequestForm | None, *, inside: str) -> None:
    """Raise FieldErrors naming each answer to what isn't asked, within the field it is in."""
    question_names = BASE_NAMES | {question.name for question in lab_questions(form)}
    if unknown := sorted(set(names) - question_names):
        errors = dict.fromkeys(unknown, "This isn’t asked here. Leave it out.")
        raise FieldErrors(errors, inside=inside)


@extend_schema_view(get=extend_schema(operation_id="list_requests"))
class RequestListView(OwnRequestMixin, ApiListView):
    """List the caller's own requests, newest first."""

    serializer_class = AccessRequestOutput
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


@extend_schema_view(get=extend_schema(operation_id="list_events"))
class RequestEventListView(OwnRequestMixin, EventListView):
    """List what happened to a request of the caller's, newest first."""


@extend_schema_view(get=extend_schema(operation_id="list_snapshots"))
class RequestSnapshotListView(OwnRequestMixin, SnapshotListView):
    """List each frozen state of the answers, oldest first."""


@extend_schema_view(get=extend_schema(operation_id="list_differences"))
class RequestChangeListView(OwnRequestMixin, ChangeListView):
    """List each snapshot after the first with what it changed, newest first."""

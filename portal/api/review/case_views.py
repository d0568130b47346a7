"""One case of the reviewers' queue: what it holds, its history, its notes."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.models import Note
from portal.access.policy.request_actions import RequestAction
from portal.access.review import notes
from portal.api.base.schema import example
from portal.api.base.views import ApiListView, ApiRetrieveView
from portal.api.requests.history_views import ChangeListView, EventListView, SnapshotListView
from portal.api.review.action_views import CaseActionView
from portal.api.review.cases import CaseMixin
from portal.api.review.inputs import NoteInput
from portal.api.review.serializers import CaseOutput, CaseStateOutput, NoteOutput


@extend_schema_view(get=extend_schema(operation_id="show_case"))
class CaseView(CaseMixin, ApiRetrieveView):
    """Show all that a decision needs: answers, evidence, questions, votes, allowed acts."""

    serializer_class = CaseOutput

    def get_object(self) -> dict[str, Any]:
        return self.whole_case(self.get_request())


@extend_schema_view(get=extend_schema(operation_id="list_case_events"))
class CaseEventListView(CaseMixin, EventListView):
    """List what happened to a case, newest first."""


@extend_schema_view(get=extend_schema(operation_id="list_case_snapshots"))
class CaseSnapshotListView(CaseMixin, SnapshotListView):
    """List each frozen state of the answers, oldest first."""


@extend_schema_view(get=extend_schema(operation_id="list_case_differences"))
class CaseChangeListView(CaseMixin, ChangeListView):
    """List each snapshot after the first with what it changed, newest first."""


@extend_schema_view(get=extend_schema(operation_id="list_notes"))
class NoteListView(CaseActionView, ApiListView):
    """List what the team wrote for itself, oldest first."""

    serializer_class = NoteOutput
    input_serializer_class = NoteInput
    request_action = RequestAction.NOTE

    def get_queryset(self) -> QuerySet[Note]:
        return self.get_request().notes.select_related("author")

    @extend_schema(
        operation_id="write_note",
        responses=CaseStateOutput,
        examples=example(text="Wrote to their department."),
    )
    def post(self, request: Request, request_id: int) -> Response:
        """Write a note that the team alone reads."""
        return super().post(request, request_id)

    def perform(self, request_id: int) -> None:
        text = self.validated_data["text"]
        notes.write_note(author=self.user, request_id=request_id, text=text, now=self.now)

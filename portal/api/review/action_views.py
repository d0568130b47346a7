"""Actions of a team on one case; each answers with the new state of the case."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from portal.access.policy.request_actions import RequestAction
from portal.access.review import asking, assignment, notes
from portal.access.review.decisions.undo import reopen_request, undo_last
from portal.access.review.screening_clearance import dispose_screening
from portal.accounts.models import User
from portal.api.base.schema import example
from portal.api.base.serializers import ReasonInput, TextInput
from portal.api.review.cases import CaseMixin
from portal.api.review.inputs import (
    AssignInput,
    DeclareInput,
    VouchInput,
)
from portal.api.review.serializers import CaseStateOutput
from portal.errors import FieldErrors


class CaseActionView(CaseMixin):
    """A view that does one thing to a case, which ``perform`` asks of a service."""

    serializer_class: type[BaseSerializer[Any]] | None = CaseStateOutput
    request_action: ClassVar[RequestAction]

    def post(self, request: Request, request_id: int) -> Response:
        self.require_may(self.request_action)
        self.perform(request_id)
        state: Any = self.case_state(self.get_request())
        return Response(CaseStateOutput(state, context=self.get_serializer_context()).data)

    def perform(self, request_id: int) -> None:
        """Call the service. Each view says which."""
        raise NotImplementedError


@extend_schema_view(post=extend_schema(operation_id="claim"))
class ClaimView(CaseActionView):
    """Take a case that nobody has."""

    request_action = RequestAction.CLAIM

    def perform(self, request_id: int) -> None:
        assignment.claim_request(reviewer=self.user, request_id=request_id, now=self.now)


@extend_schema_view(post=extend_schema(operation_id="release"))
class ReleaseView(CaseActionView):
    """Hand a case back."""

    request_action = RequestAction.RELEASE

    def perform(self, request_id: int) -> None:
        assignment.release_request(actor=self.user, request_id=request_id, now=self.now)


@extend_schema_view(
    post=extend_schema(operation_id="assign", examples=example(assignee="reviewer"))
)
class AssignView(CaseActionView):
    """Assign a case to somebody of the team."""

    request_action = RequestAction.ASSIGN
    input_serializer_class = AssignInput

    def perform(self, request_id: int) -> None:
        username = self.validated_data["assignee"].strip()
        assignee = User.objects.filter(username__iexact=username).first()
        if assignee is None:
            raise FieldErrors({"assignee": "Choose a member of this model’s team."})
        assignment.assign_request(
            actor=self.user, request_id=request_id, assignee=assignee, now=self.now
        )


@extend_schema_view(
    post=extend_schema(
        operation_id="declare_conflict",
        examples=example(has_conflict=True, statement="We wrote a paper together."),
    )
)
class DeclareConflictView(CaseActionView):
    """Declare whether the caller has a conflict of interest. A conflict stays declared."""

    request_action = RequestAction.DECLARE
    input_serializer_class = DeclareInput

    def perform(self, request_id: int) -> None:
        notes.declare_conflict(
            reviewer=self.user, request_id=request_id, now=self.now, **self.validated_data
        )


@extend_schema_view(
    post=extend_schema(
        operation_id="ask", examples=example(text="Where are the checkpoints stored?")
    )
)
class AskView(CaseActionView):
    """Ask the applicant one question; the clock is paused until they answer."""

    request_action = RequestAction.ASK
    input_serializer_class = TextInput

    def perform(self, request_id: int) -> None:
        text = self.validated_data["text"]
        asking.ask_question(reviewer=self.user, request_id=request_id, text=text, now=self.now)


@extend_schema_view(
    post=extend_schema(
        operation_id="dispose",
        examples=example(text="Another person of the same name; the birth year differs."),
    )
)
class DisposeView(CaseActionView):
    """Clear a request that the screening lists held back."""

    request_action = RequestAction.DISPOSE
    input_serializer_class = TextInput

    def perform(self, request_id: int) -> None:
        text = self.validated_data["text"]
        dispose_screening(actor=self.user, request_id=request_id, text=text, now=self.now)


@extend_schema_view(post=extend_schema(operation_id="undo"))
class UndoView(CaseActionView):
    """Undo the last decision or question while its mail hasn't been sent."""

    request_action = RequestAction.UNDO

    def perform(self, request_id: int) -> None:
        undo_last(actor=self.user, request_id=request_id, now=self.now)


@extend_schema_view(
    post=extend_schema(
        operation_id="reopen", examples=example(reason="The safeguards have changed.")
    )
)
class ReopenView(CaseActionView):
    """Reopen a closed request; what was granted on it ends, with notice."""

    request_action = RequestAction.REOPEN
    input_serializer_class = ReasonInput

    def perform(self, request_id: int) -> None:
        reason = self.validated_data["reason"]
        reopen_request(actor=self.user, request_id=request_id, reason=reason, now=self.now)


@extend_schema_view(
    post=extend_schema(
        operation_id="vouch",
        examples=example(evidence="Their page at the university names this address."),
    )
)
class VouchView(CaseActionView):
    """Vouch that the applicant works where they say."""

    request_action = RequestAction.VOUCH
    input_serializer_class = VouchInput

    def perform(self, request_id: int) -> None:
        evidence = self.validated_data["evidence"]
        notes.vouch_for_applicant(
            reviewer=self.user, request_id=request_id, evidence=evidence, now=self.now
        )

"""What a team does to one case; each action answers with where the case then stands."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from portal.access.models import Decision
from portal.access.policy.request_actions import RequestAction
from portal.access.review import asking, assignment, notes
from portal.access.review.decisions import deciding
from portal.access.review.decisions.undo import reopen_request, undo_last
from portal.access.review.screening_clearance import dispose_screening
from portal.accounts.models import User
from portal.api.base.schema import example
from portal.api.base.serializers import ReasonInput, TextInput, conditions_in
from portal.api.review.cases import CaseMixin
from portal.api.review.inputs import (
    ApproveInput,
    AssignInput,
    DeclareInput,
    DeclineInput,
    OverrideInput,
    VouchInput,
)
from portal.api.review.serializers import CaseStateOutput
from portal.errors import FieldErrors

Verdict = Decision.Verdict
APPROVE_EXAMPLE = {"modes": ["download"], "until": "2027-12-31"}


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
            raise FieldErrors({"assignee": "Choose somebody of this model’s team."})
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


class DecisionActionView(CaseActionView):
    """A view that votes on a case, or decides it over the votes."""

    is_override: ClassVar[bool] = False

    def approve(self, request_id: int) -> None:
        data = self.validated_data
        if "until" not in data:
            raise FieldErrors({"until": "Choose the day on which the grant ends."})
        deciding.approve_request(
            reviewer=self.user,
            request_id=request_id,
            modes=data.get("modes", []),
            expires_at=data["until"],
            conditions=conditions_in(data.get("conditions")),
            is_override=self.is_override,
            now=self.now,
        )

    def decline(self, request_id: int) -> None:
        deciding.decline_request(
            reviewer=self.user,
            request_id=request_id,
            reason_code=self.validated_data.get("reason_code", ""),
            reason_text=self.validated_data.get("reason_text", ""),
            is_override=self.is_override,
            now=self.now,
        )


@extend_schema_view(post=extend_schema(operation_id="approve", examples=example(**APPROVE_EXAMPLE)))
class ApproveView(DecisionActionView):
    """Vote to approve on these terms; the vote that completes the quorum decides."""

    request_action = RequestAction.VOTE
    input_serializer_class = ApproveInput

    def perform(self, request_id: int) -> None:
        self.approve(request_id)


@extend_schema_view(
    post=extend_schema(
        operation_id="decline",
        examples=example(
            reason_code="purpose_unclear",
            reason_text="Say which question the model is to answer.",
        ),
    )
)
class DeclineView(DecisionActionView):
    """Vote to decline, with a published reason and words of one's own."""

    request_action = RequestAction.VOTE
    input_serializer_class = DeclineInput

    def perform(self, request_id: int) -> None:
        self.decline(request_id)


@extend_schema_view(
    post=extend_schema(
        operation_id="override", examples=example(verdict="approved", **APPROVE_EXAMPLE)
    )
)
class OverrideView(DecisionActionView):
    """Decide alone, as the owner, what was escalated. The record counts it."""

    request_action = RequestAction.OVERRIDE
    input_serializer_class = OverrideInput
    is_override = True

    def perform(self, request_id: int) -> None:
        if self.validated_data["verdict"] == Verdict.APPROVED:
            self.approve(request_id)
        else:
            self.decline(request_id)


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

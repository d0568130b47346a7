"""Voting on a case, and deciding it alone."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_view

from portal.access.models import Decision
from portal.access.policy.request_actions import RequestAction
from portal.access.review.decisions import deciding
from portal.api.base.schema import example
from portal.api.base.serializers import conditions_in
from portal.api.review.action_views import CaseActionView
from portal.api.review.inputs import ApproveInput, DeclineInput, OverrideInput
from portal.errors import FieldErrors

Verdict = Decision.Verdict
APPROVE_EXAMPLE = {"modes": ["download"], "until": "2027-12-31"}


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

"""Voting on a case, and deciding it alone."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_view

from portal.access.models import AccessRequest, Decision
from portal.access.policy.quotas import Quotas
from portal.access.policy.request_actions import RequestAction
from portal.access.requests.asked_models import chosen_models
from portal.access.requests.narrowing import Narrowing
from portal.access.review.decisions import deciding
from portal.api.base.schema import example
from portal.api.base.serializers import conditions_in
from portal.api.review.action_views import CaseActionView
from portal.api.review.inputs import ApproveInput, DeclineInput, OverrideInput, SettleInput
from portal.errors import FieldErrors

Verdict = Decision.Verdict
APPROVE_EXAMPLE = {"modes": ["download"], "until": "2027-12-31"}


class DecisionActionView(CaseActionView):
    """A view that votes on a case, or decides it over the votes."""

    is_override: ClassVar[bool] = False

    @property
    def chair_reason(self) -> str | None:
        """Return why the chair decides so; None where nobody decides as the chair."""
        return None

    def approve(self, request_id: int) -> None:
        data = self.validated_data
        if "until" not in data:
            raise FieldErrors({"until": "Choose the day on which the grant ends."})
        models = self._models(request_id)
        try:
            deciding.approve_request(
                reviewer=self.user,
                request_id=request_id,
                modes=data.get("modes", []),
                expires_at=data["until"],
                conditions=conditions_in(data.get("conditions")),
                quotas=Quotas.of(data.get("quotas", {})),
                models=models,
                is_override=self.is_override,
                chair_reason=self.chair_reason,
                now=self.now,
            )
        except FieldErrors as error:
            raise FieldErrors(_by_place(error.errors, models or {})) from error

    def _models(self, request_id: int) -> dict[int, Narrowing] | None:
        """Return the models that are given, by their keys; None where the body names none.

        Raise FieldErrors for a name that wasn't asked for.
        """
        sent = self.validated_data.get("models")
        if sent is None:
            return None
        asked_for = chosen_models(AccessRequest.objects.get(pk=request_id))
        keys = {repo.full_name: repo.pk for repo in asked_for}
        if unknown := sorted({model["model"] for model in sent} - set(keys)):
            names = ", ".join(keys) or "none, since this request is for one model"
            raise FieldErrors(
                {"models": f"Not asked for: {', '.join(unknown)}. Choose among: {names}."}
            )
        return {
            keys[model["model"]]: Narrowing(
                tuple(model.get("modes", ())), conditions_in(model.get("conditions"))
            )
            for model in sent
        }

    def decline(self, request_id: int) -> None:
        deciding.decline_request(
            reviewer=self.user,
            request_id=request_id,
            reason_code=self.validated_data.get("reason_code", ""),
            reason_text=self.validated_data.get("reason_text", ""),
            is_override=self.is_override,
            chair_reason=self.chair_reason,
            now=self.now,
        )

    def decide(self, request_id: int) -> None:
        if self.validated_data["verdict"] == Verdict.APPROVED:
            self.approve(request_id)
        else:
            self.decline(request_id)


def _by_place(errors: dict[str, str], models: dict[int, Narrowing]) -> dict[str, str]:
    """Name the errors of one model by its place in the list that was sent, not by its key."""
    places = {str(key): str(place) for place, key in enumerate(models)}
    named = {}
    for path, text in errors.items():
        first, *rest = path.split(".")
        if first == "models" and rest:
            rest[0] = places.get(rest[0], rest[0])
        named[".".join([first, *rest])] = text
    return named


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
        self.decide(request_id)


@extend_schema_view(
    post=extend_schema(
        operation_id="settle",
        examples=example(
            verdict="approved", chair_reason="The safeguards suffice.", **APPROVE_EXAMPLE
        ),
    )
)
class SettleView(DecisionActionView):
    """Decide alone, as the chair, where the votes differ. The record names whose they were."""

    request_action = RequestAction.SETTLE
    input_serializer_class = SettleInput

    @property
    def chair_reason(self) -> str:
        return str(self.validated_data["chair_reason"])

    def perform(self, request_id: int) -> None:
        self.decide(request_id)

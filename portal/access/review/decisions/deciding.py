"""Approve or decline a request. Each call is a vote; the vote that completes the quorum decides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from portal.access.errors import HoldStands
from portal.access.grants.activation import require_admissible
from portal.access.letters import decisions as letters
from portal.access.models import AccessRequest, Decision, Grant, Hold, Review
from portal.access.policy.conditions import Conditions
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.locks import locked_request
from portal.access.policy.request_actions import RequestAction
from portal.access.requests.approval_terms import (
    ApprovalTerms,
    check_terms,
    narrowest_terms,
    terms_of_vote,
)
from portal.access.requests.voting import cast_vote
from portal.access.review.decisions.granting import give_grant
from portal.access.review.decisions.votes import counted_votes
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import ModelRepo
from portal.errors import FieldErrors
from portal.parsing.texts import require_text

State = AccessRequest.State
Verdict = Decision.Verdict


@transaction.atomic
def approve_request(
    *,
    reviewer: User,
    request_id: int,
    modes: Sequence[str],
    expires_at: datetime,
    now: datetime,
    conditions: Conditions | None = None,
    is_override: bool = False,
) -> Grant | None:
    """Vote to approve on these terms. Return the grant, or None while votes are missing.

    The grant has the narrowest of all votes' terms. With ``is_override`` an owner decides alone,
    once the request was escalated to them. Raise FieldErrors for terms that can't be given, and
    HeldBack or HoldStands where a legal hold stops the applicant.
    """
    action = RequestAction.OVERRIDE if is_override else RequestAction.VOTE
    access_request = locked_request(reviewer, request_id, action, now)
    terms = ApprovalTerms(tuple(sorted(set(modes))), expires_at, conditions or Conditions())
    check_terms(access_request, terms, now)
    # Asked of every vote, not only of the last: nobody should approve into a hold unawares.
    require_admissible(access_request.applicant, access_request.repo, now, actor=reviewer)
    _require_no_hold_on_named(access_request)
    votes: list[Review] = []
    agreed_terms: ApprovalTerms | None = terms
    if not is_override:
        votes = _vote(access_request, reviewer, Verdict.APPROVED, now, terms=terms)
        agreed_terms = _agreed_terms(access_request, votes)
    if agreed_terms is None:
        record(EventType.REQUEST_VOTED, actor=reviewer, target=access_request, at=now)
        return None
    decision = _decide(
        access_request,
        reviewer,
        Verdict.APPROVED,
        is_override,
        now,
        conditions=agreed_terms.conditions.stored(),
    )
    grant, event, grant_facts = give_grant(decision, agreed_terms, now)
    facts = _decision_facts(votes, decision) | {"grant": grant.pk}
    record(EventType.REQUEST_APPROVED, actor=reviewer, target=access_request, at=now, **facts)
    record(event, actor=reviewer, target=grant, at=now, **grant_facts)
    return grant


@transaction.atomic
def decline_request(
    *,
    reviewer: User,
    request_id: int,
    reason_code: str,
    reason_text: str,
    now: datetime,
    is_override: bool = False,
) -> Decision | None:
    """Vote to decline for a published reason. Return the decision, or None while votes are missing.

    The decision states the reason of the vote that completes the quorum. A request that screening
    holds back is declined by those who may clear it. Raise FieldErrors without a reason.
    """
    # Read before the lock: if the state changes meanwhile, the action no longer fits it and the
    # table of actions refuses.
    is_held = AccessRequest.objects.filter(pk=request_id, state=State.HELD).exists()
    action = RequestAction.DISPOSE if is_held else RequestAction.VOTE
    access_request = locked_request(
        reviewer, request_id, RequestAction.OVERRIDE if is_override else action, now
    )
    reason_text = require_text(reason_text, "reason_text")
    reason = {"reason_code": reason_code, "reason_text": reason_text}
    _check_reason(**reason)
    votes = [] if is_override else _vote(access_request, reviewer, Verdict.DECLINED, now, **reason)
    if not is_override and not _is_quorum(access_request, votes):
        record(EventType.REQUEST_VOTED, actor=reviewer, target=access_request, at=now)
        return None
    decision = _decide(access_request, reviewer, Verdict.DECLINED, is_override, now, **reason)
    letters.send_decline(access_request, decision, now=now)
    facts = _decision_facts(votes, decision) | {"reason_code": reason_code}
    record(EventType.REQUEST_DECLINED, actor=reviewer, target=access_request, at=now, **facts)
    return decision


def overrides_count(repo: ModelRepo) -> int:
    """Count the decisions that an owner of this repo took alone, those undone included."""
    return Decision.objects.filter(request__repo=repo, is_override=True).count()


def _vote(
    access_request: AccessRequest,
    reviewer: User,
    verdict: Decision.Verdict,
    now: datetime,
    **terms_or_reason: Any,
) -> list[Review]:
    """Cast a vote and return all votes that count for its verdict now."""
    cast_vote(access_request, reviewer, verdict, now=now, **terms_or_reason)
    return counted_votes(access_request, verdict, now)


def _is_quorum(access_request: AccessRequest, votes: list[Review]) -> bool:
    return len(votes) >= settings_of(access_request.repo).quorum


def _agreed_terms(access_request: AccessRequest, votes: list[Review]) -> ApprovalTerms | None:
    """Return the terms that a quorum agrees on, or None while votes or common terms are missing."""
    if not _is_quorum(access_request, votes):
        return None
    return narrowest_terms([terms_of_vote(vote) for vote in votes])


def _require_no_hold_on_named(access_request: AccessRequest) -> None:
    """Raise HoldStands if a legal hold is on the organization that the request names.

    ``require_admissible`` asks about organizations that are proved; this one may be a claim.
    """
    if access_request.organization_id is None:
        return
    holds = Hold.objects.standing().filter(organization=access_request.organization_id)
    if holds.filter(Q(repo=None) | Q(repo=access_request.repo)).exists():
        raise HoldStands


def _check_reason(reason_code: str, reason_text: str) -> None:
    errors: dict[str, str] = {}
    if reason_code not in Decision.Reason.values:
        errors["reason_code"] = "Choose the reason that the applicant will see."
    if not reason_text:
        errors["reason_text"] = "Say why in your own words; the applicant reads this."
    if errors:
        raise FieldErrors(errors)


def _decide(
    access_request: AccessRequest,
    reviewer: User,
    verdict: Decision.Verdict,
    is_override: bool,
    now: datetime,
    **conditions_or_reason: Any,
) -> Decision:
    """Close the request with a decision; record separately that an owner decided alone."""
    access_request.move_to(State(verdict))
    access_request.closed_at = now
    access_request.save(update_fields=["state", "closed_at"])
    decision = Decision.objects.create(
        request=access_request,
        submission=access_request.submissions.latest("number"),
        verdict=verdict,
        is_override=is_override,
        decided_by=reviewer,
        decided_at=now,
        # Until then the mail of the decision waits in the outbox, so that undoing it is silent.
        undo_until=now + timedelta(minutes=settings_of(access_request.repo).undo_minutes),
        **conditions_or_reason,
    )
    if is_override:
        count = overrides_count(access_request.repo)
        record(
            EventType.REQUEST_OVERRIDDEN, actor=reviewer, target=access_request, at=now, count=count
        )
    return decision


def _decision_facts(votes: list[Review], decision: Decision) -> dict[str, Any]:
    """Return what the record says of a decision: its snapshot, and whose votes it rests on."""
    return {
        "decision": decision.pk,
        "snapshot": decision.submission.number,
        "voters": [vote.reviewer_id for vote in votes],
        "is_override": decision.is_override,
    }

"""Approve or decline a request. Each call is a vote; the vote that completes the quorum decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from portal.access.errors import HoldStands
from portal.access.grants.activation import require_admissible_to
from portal.access.letters import decisions as letters
from portal.access.letters.team import requests as team
from portal.access.models import AccessRequest, Decision, Grant, Hold, Review
from portal.access.policy.conditions import Conditions
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.locks import locked_request
from portal.access.policy.quotas import Quotas, defaults_of
from portal.access.policy.request_actions import RequestAction
from portal.access.policy.votes import counted_votes, standing_votes
from portal.access.requests.approval_terms import (
    ApprovalTerms,
    check_terms,
    models_given,
    narrowest_terms,
    require_term,
    terms_of_vote,
)
from portal.access.requests.asked_models import models_asked_for
from portal.access.requests.narrowing import Narrowing
from portal.access.requests.voting import cast_vote
from portal.access.review.decisions.alone import Alone, action_of
from portal.access.review.decisions.granting import give_grants
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
    quotas: Quotas | None = None,
    models: Mapping[int, Narrowing] | None = None,
    is_override: bool = False,
    chair_reason: str | None = None,
    is_undoable: bool = True,
) -> Grant | None:
    """Vote to approve on these terms. Return the grant, or None while votes are missing.

    Models under several licences get a grant for each; the first of them is returned, the lead's
    where it is one. They have the narrowest of all votes' terms. They begin, and the applicant is
    told, once the decision can't be undone any more: at once where it is not ``is_undoable``. With
    ``is_override`` an owner decides alone, once the request was escalated to them; with
    ``chair_reason`` the chair, where votes differ. ``models``: through a collection, those that are
    given, by their keys, each with what limits it beyond the rest; by default all that were asked
    for. Raise FieldErrors for terms that can't be given, and HeldBack or HoldStands where a legal
    hold stops the applicant.
    """
    action = action_of(is_override, chair_reason)
    access_request = locked_request(reviewer, request_id, action, now)
    alone = Alone.of(is_override, chair_reason)
    terms = ApprovalTerms(
        tuple(sorted(set(modes))),
        expires_at,
        conditions or Conditions(),
        quotas or Quotas(),
        _given(access_request, models),
    )
    told_at = _told_at(access_request, is_undoable, now)
    check_terms(access_request, terms, now, begins_at=told_at)
    # Asked of every vote, not only of the last: nobody should approve into a hold unawares.
    opened = [model.repo for model in models_given(access_request, terms)]
    opened = opened or [access_request.repo]
    require_admissible_to(access_request.applicant, opened, now, actor=reviewer)
    _require_no_hold_on_named(access_request)
    votes: list[Review] = []
    agreed_terms: ApprovalTerms | None = terms
    if not alone:
        votes = _vote(access_request, reviewer, Verdict.APPROVED, now, terms=terms)
        agreed_terms = _agreed_terms(access_request, votes)
    if agreed_terms is None:
        team.tell_voted(access_request, reviewer, now=now)
        record(EventType.REQUEST_VOTED, actor=reviewer, target=access_request, at=now)
        return None
    require_term(agreed_terms, begins_at=told_at)
    decision = _decide(
        access_request,
        reviewer,
        Verdict.APPROVED,
        alone,
        now,
        undo_until=told_at,
        conditions=agreed_terms.conditions.stored(),
    )
    grants = give_grants(decision, agreed_terms, now)
    facts = _decision_facts(votes, decision) | _grant_facts(grants)
    record(EventType.REQUEST_APPROVED, actor=reviewer, target=access_request, at=now, **facts)
    return grants[0]


def _given(
    access_request: AccessRequest, models: Mapping[int, Narrowing] | None
) -> Mapping[int, Narrowing]:
    """Return the models that a vote gives: those named, or all that were asked for."""
    if access_request.collection_id is None:
        if models:
            raise FieldErrors({"models": "This request is for one model, so leave this out."})
        return {}
    if models is None:
        return {repo.pk: Narrowing() for repo in models_asked_for(access_request)}
    return models


@transaction.atomic
def decline_request(
    *,
    reviewer: User,
    request_id: int,
    reason_code: str,
    reason_text: str,
    now: datetime,
    is_override: bool = False,
    chair_reason: str | None = None,
    is_undoable: bool = True,
) -> Decision | None:
    """Vote to decline for a published reason. Return the decision, or None while votes are missing.

    The decision states the reason of the vote that completes the quorum; owners and the chair
    decide alone as ``approve_request`` says. A request that screening
    holds back is declined by those who may clear it. Raise FieldErrors without a reason.
    """
    # Read before the lock: if the state changes meanwhile, the action no longer fits it and the
    # table of actions refuses.
    is_held = AccessRequest.objects.filter(pk=request_id, state=State.HELD).exists()
    is_cleared_by = RequestAction.DISPOSE if is_held else RequestAction.VOTE
    action = action_of(is_override, chair_reason, otherwise=is_cleared_by)
    access_request = locked_request(reviewer, request_id, action, now)
    alone = Alone.of(is_override, chair_reason)
    reason_text = require_text(reason_text, "reason_text")
    reason = {"reason_code": reason_code, "reason_text": reason_text}
    _check_reason(**reason)
    votes = [] if alone else _vote(access_request, reviewer, Verdict.DECLINED, now, **reason)
    if not alone and not _is_quorum(access_request, votes):
        team.tell_voted(access_request, reviewer, now=now)
        record(EventType.REQUEST_VOTED, actor=reviewer, target=access_request, at=now)
        return None
    told_at = _told_at(access_request, is_undoable, now)
    decision = _decide(
        access_request,
        reviewer,
        Verdict.DECLINED,
        alone,
        now,
        undo_until=told_at,
        **reason,
    )
    letters.send_decline(access_request, decision, now=now)
    facts = _decision_facts(votes, decision) | {"reason_code": reason_code}
    record(EventType.REQUEST_DECLINED, actor=reviewer, target=access_request, at=now, **facts)
    return decision


def _told_at(access_request: AccessRequest, is_undoable: bool, now: datetime) -> datetime:
    minutes = settings_of(access_request.repo).undo_minutes if is_undoable else 0
    return now + timedelta(minutes=minutes)


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
    by_default = defaults_of(settings_of(access_request.repo))
    return narrowest_terms([terms_of_vote(vote) for vote in votes], by_default)


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
    alone: Alone,
    now: datetime,
    *,
    undo_until: datetime,
    **conditions_or_reason: Any,
) -> Decision:
    """Close the request with a decision; record separately that somebody decided alone."""
    access_request.move_to(State(verdict), shown_from=undo_until)
    access_request.closed_at = now
    access_request.save(update_fields=[*AccessRequest.STATE_FIELDS, "closed_at"])
    decision = Decision.objects.create(
        request=access_request,
        submission=access_request.submissions.latest("number"),
        verdict=verdict,
        is_override=alone.is_override,
        chair_reason=alone.chair_reason,
        decided_by=reviewer,
        decided_at=now,
        # Until then its mail waits in the outbox and nothing opens, so that undoing it is silent.
        undo_until=undo_until,
        **conditions_or_reason,
    )
    team.tell_decided(access_request, decision, now=now)
    access_request.guests.current().update(ended_at=now)
    if alone.is_override:
        count = overrides_count(access_request.repo)
        record(
            EventType.REQUEST_OVERRIDDEN, actor=reviewer, target=access_request, at=now, count=count
        )
    if decision.is_by_chair:
        facts = _differing_votes(access_request)
        record(EventType.REQUEST_SETTLED, actor=reviewer, target=access_request, at=now, **facts)
    return decision


def _differing_votes(access_request: AccessRequest) -> dict[str, Any]:
    """Return what the record says of the votes between which the chair decided."""
    votes = standing_votes(access_request)
    approvals = sum(vote.verdict == Verdict.APPROVED for vote in votes)
    return {
        "voters": [vote.reviewer_id for vote in votes],
        "approvals": approvals,
        "declines": len(votes) - approvals,
    }


def _grant_facts(grants: Sequence[Grant]) -> dict[str, Any]:
    """Return what the record says of the grants; the name of the first is as old as the record."""
    first, *further = [grant.pk for grant in grants]
    return {"grant": first} | ({"further_grants": further} if further else {})


def _decision_facts(votes: list[Review], decision: Decision) -> dict[str, Any]:
    """Return what the record says of a decision: its snapshot, and whose votes it rests on."""
    return {
        "decision": decision.pk,
        "snapshot": decision.submission.number,
        "voters": [vote.reviewer_id for vote in votes],
        "is_override": decision.is_override,
    }

"""Votes: which count, how many are missing, and who may see them."""

from __future__ import annotations

from datetime import datetime

from portal.access.models import AccessRequest, Decision, Review
from portal.access.policy.conflicts import conflicts_of
from portal.access.policy.gate_settings import settings_of
from portal.accounts.models import User


def standing_votes(access_request: AccessRequest) -> list[Review]:
    """Those that nothing voided, oldest first."""
    votes = access_request.reviews.filter(voided_at=None)
    return list(votes.select_related("reviewer").order_by("cast_at", "pk"))


def counted_votes(
    access_request: AccessRequest, verdict: Decision.Verdict, now: datetime
) -> list[Review]:
    """Standing votes for this verdict by people of the team without a conflict at this moment. One
    for access up to a day that has gone by gives nothing any more."""
    votes = [
        each
        for each in standing_votes(access_request)
        if each.verdict == verdict and (each.expires_at is None or each.expires_at > now)
    ]
    conflicts = conflicts_of([each.reviewer for each in votes], access_request, now)
    return [each for each in votes if not conflicts[each.reviewer_id] and _may_still(each)]


def _may_still(vote: Review) -> bool:
    """Who has left the team since, or whose account is closed, decides nothing any more."""
    requests = AccessRequest.objects.readable_by(vote.reviewer)
    return vote.reviewer.is_active and requests.filter(pk=vote.request_id).exists()


def votes_missing(access_request: AccessRequest, verdict: Decision.Verdict, now: datetime) -> int:
    """How many more votes of this kind a decision needs."""
    quorum = settings_of(access_request.repo).quorum
    return max(0, quorum - len(counted_votes(access_request, verdict, now)))


def visible_votes(access_request: AccessRequest, reader: User) -> list[Review]:
    """Where votes are hidden, a reviewer sees the others' once they have cast their own.

    The applicant never sees any. After a decision the team sees them all.
    """
    if access_request.applicant_id == reader.pk:
        return []
    votes = standing_votes(access_request)
    undecided = access_request.state in AccessRequest.UNDECIDED_STATES
    has_cast = any(each.reviewer_id == reader.pk for each in votes)
    if undecided and not has_cast and settings_of(access_request.repo).hidden_votes:
        return []
    return votes

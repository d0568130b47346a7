"""Say how many votes a decision still needs, and show votes to those who may see them."""

from __future__ import annotations

from datetime import datetime

from portal.access.models import AccessRequest, Decision, Review
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.votes import is_chair, standing_votes, votes_by_verdict, votes_differ
from portal.accounts.models import User


def votes_missing(access_request: AccessRequest, verdict: Decision.Verdict, now: datetime) -> int:
    """Return how many more votes for this verdict a decision needs."""
    return all_votes_missing(access_request, now)[verdict]


def all_votes_missing(access_request: AccessRequest, now: datetime) -> dict[Decision.Verdict, int]:
    """Return for each verdict how many more votes a decision needs."""
    quorum = settings_of(access_request.repo).quorum
    counted = votes_by_verdict(access_request, now)
    return {verdict: max(0, quorum - len(votes)) for verdict, votes in counted.items()}


def visible_votes(access_request: AccessRequest, reader: User, now: datetime) -> list[Review]:
    """Return the votes that this person may see.

    The applicant never sees any. Where the gate hides votes, a reviewer sees the others' once they
    have cast their own, so that nobody votes by what a colleague said; the chair also once the
    votes differ, for then it is theirs to decide between them. After a decision the team sees all.
    """
    if access_request.applicant_id == reader.pk:
        return []
    votes = standing_votes(access_request)
    undecided = access_request.state in AccessRequest.UNDECIDED_STATES
    has_cast = any(vote.reviewer_id == reader.pk for vote in votes)
    if not undecided or has_cast or not settings_of(access_request.repo).hidden_votes:
        return votes
    is_to_settle = is_chair(reader, access_request) and votes_differ(access_request, now)
    return votes if is_to_settle else []

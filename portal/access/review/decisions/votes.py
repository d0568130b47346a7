"""Count votes, say how many a decision still needs, and show them to those who may see them."""

from __future__ import annotations

from datetime import datetime

from portal.access.models import AccessRequest, Decision, Review
from portal.access.policy.conflicts import conflicts_of
from portal.access.policy.gate_settings import settings_of
from portal.accounts.models import User


def standing_votes(access_request: AccessRequest) -> list[Review]:
    """Return the votes on a request that are not voided, oldest first."""
    votes = access_request.reviews.filter(voided_at=None)
    return list(votes.select_related("reviewer").order_by("cast_at", "pk"))


def counted_votes(
    access_request: AccessRequest, verdict: Decision.Verdict, now: datetime
) -> list[Review]:
    """Return the votes for this verdict that count towards the quorum at this moment.

    A vote doesn't count if its reviewer has left the team or has a conflict of interest by now, or
    if it approves access that would have ended already.
    """
    votes = [
        vote
        for vote in standing_votes(access_request)
        if vote.verdict == verdict and (vote.expires_at is None or vote.expires_at > now)
    ]
    # Conflicts are looked up again here, not only as a vote is cast: one may arise afterwards.
    conflicts = conflicts_of([vote.reviewer for vote in votes], access_request, now)
    return [vote for vote in votes if not conflicts[vote.reviewer_id] and _may_still_vote(vote)]


def _may_still_vote(vote: Review) -> bool:
    """Return False if the reviewer has left the team since, or their account is closed."""
    requests = AccessRequest.objects.readable_by(vote.reviewer)
    return vote.reviewer.is_active and requests.filter(pk=vote.request_id).exists()


def votes_missing(access_request: AccessRequest, verdict: Decision.Verdict, now: datetime) -> int:
    """Return how many more votes for this verdict a decision needs."""
    quorum = settings_of(access_request.repo).quorum
    return max(0, quorum - len(counted_votes(access_request, verdict, now)))


def visible_votes(access_request: AccessRequest, reader: User) -> list[Review]:
    """Return the votes that this person may see.

    The applicant never sees any. Where the gate hides votes, a reviewer sees the others' once they
    have cast their own, so that nobody votes by what a colleague said. After a decision the team
    sees them all.
    """
    if access_request.applicant_id == reader.pk:
        return []
    votes = standing_votes(access_request)
    undecided = access_request.state in AccessRequest.UNDECIDED_STATES
    has_cast = any(vote.reviewer_id == reader.pk for vote in votes)
    if undecided and not has_cast and settings_of(access_request.repo).hidden_votes:
        return []
    return votes

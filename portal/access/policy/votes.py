"""Count the votes on a request, and tell whether they differ, so that its chair may decide."""

from __future__ import annotations

from datetime import datetime

from portal.access.models import AccessRequest, Decision, GateSettings, Review
from portal.access.policy.conflicts import conflicts_of
from portal.access.policy.contacts import readers_among
from portal.access.policy.gate_settings import settings_of
from portal.accounts.models import User
from portal.database.once import once

Verdict = Decision.Verdict


@once(lambda access_request: access_request.pk)
def standing_votes(access_request: AccessRequest) -> list[Review]:
    """Return the votes on a request that are not voided, oldest first."""
    votes = access_request.reviews.filter(voided_at=None)
    return list(votes.select_related("reviewer").order_by("cast_at", "pk"))


def counted_votes(
    access_request: AccessRequest, verdict: Decision.Verdict, now: datetime
) -> list[Review]:
    """Return the votes for this verdict that count towards the quorum at this moment."""
    return votes_by_verdict(access_request, now)[verdict]


def votes_by_verdict(
    access_request: AccessRequest, now: datetime
) -> dict[Decision.Verdict, list[Review]]:
    """Return the votes that count towards the quorum at this moment, by their verdict.

    A vote doesn't count if its reviewer has left the team or has a conflict of interest by now, or
    if it approves access that would have ended already. The number of queries doesn't grow with
    the number of votes.
    """
    votes = [
        vote
        for vote in standing_votes(access_request)
        if vote.expires_at is None or vote.expires_at > now
    ]
    if not votes:
        return {verdict: [] for verdict in Verdict}
    # Both are looked up again here, not only as a vote is cast: they may have changed since.
    reviewers = [vote.reviewer for vote in votes]
    conflicts = conflicts_of(reviewers, access_request, now)
    readers = readers_among(reviewers, access_request)
    counted = [
        vote for vote in votes if vote.reviewer_id in readers and not conflicts[vote.reviewer_id]
    ]
    return {verdict: [vote for vote in counted if vote.verdict == verdict] for verdict in Verdict}


@once(lambda person, access_request: (person.pk, access_request.repo_id))
def is_chair(person: User, access_request: AccessRequest) -> bool:
    """Tell whether the gate names this person as its chair; being on the team is asked apart."""
    return GateSettings.objects.filter(repo=access_request.repo_id, chair=person.pk).exists()


def votes_differ(access_request: AccessRequest, now: datetime) -> bool:
    """Tell whether both verdicts have votes that count, and neither has a quorum."""
    quorum = settings_of(access_request.repo).quorum
    counted = votes_by_verdict(access_request, now)
    return all(0 < len(votes) < quorum for votes in counted.values())

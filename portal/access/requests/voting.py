"""Cast and void votes, within the transaction of the service that decides."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from portal.access.models import AccessRequest, Decision, Review
from portal.access.requests.approval_terms import ApprovalTerms
from portal.accounts.models import User


def cast_vote(
    access_request: AccessRequest,
    reviewer: User,
    verdict: Decision.Verdict,
    *,
    terms: ApprovalTerms | None = None,
    reason_code: str = "",
    reason_text: str = "",
    now: datetime,
) -> Review:
    """Store a vote on the newest snapshot, in place of the one that the reviewer cast before."""
    void_votes(access_request.reviews.filter(reviewer=reviewer), "cast anew", now)
    return Review.objects.create(
        request=access_request,
        submission=access_request.submissions.latest("number"),
        reviewer=reviewer,
        verdict=verdict,
        modes=sorted(set(terms.modes)) if terms else [],
        expires_at=terms.expires_at if terms else None,
        conditions=terms.conditions.stored() if terms else {},
        quotas=terms.quotas.stored() if terms else {},
        narrowed=_narrowed(terms) if terms else {},
        reason_code=reason_code,
        reason_text=reason_text,
        cast_at=now,
    )


def _narrowed(terms: ApprovalTerms) -> dict[str, Any]:
    return {str(key): own.stored() for key, own in terms.narrowed.items()}


def void_votes(votes: QuerySet[Review], reason: str, now: datetime) -> int:
    """Void these votes and return how many there were. They stay on record but don't count."""
    return votes.filter(voided_at=None).update(voided_at=now, void_reason=reason)

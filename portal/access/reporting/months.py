"""Read what happened at the public gates in a stretch of time, as rows to be counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import OuterRef, Q, Subquery

from portal.access.models import AccessRequest, Decision
from portal.access.querysets import AccessRequestQuerySet
from portal.access.reporting.regions import region_of
from portal.access.reporting.survival import Observed

DAY = timedelta(days=1)
OWNER, CHAIR, TEAM = "owner", "chair", "team"


@dataclass(frozen=True)
class RequestRow:
    """A request that was submitted: by whom, and from where."""

    person: int
    sector: str
    region: str
    model: str


@dataclass(frozen=True)
class DecisionRow:
    """A decision that its applicant was told of."""

    person: int
    sector: str
    verdict: str
    reason: str
    by: str


def public_requests() -> AccessRequestQuerySet[AccessRequest]:
    """Select submitted requests for public models. One of a collection counts at its lead."""
    return AccessRequest.objects.filter(repo__private=False, submitted_at__isnull=False)


def requests_between(first: datetime, after: datetime) -> list[RequestRow]:
    """List the requests that were submitted from ``first`` on and before ``after``."""
    rows = public_requests().filter(submitted_at__gte=first, submitted_at__lt=after)
    names = ("applicant_id", "sector", "country", "repo__namespace__name", "repo__name")
    return [
        RequestRow(person, sector, region_of(country), f"{namespace}/{name}")
        for person, sector, country, namespace, name in rows.order_by().values_list(*names)
    ]


def decisions_between(first: datetime, after: datetime) -> list[DecisionRow]:
    """List the decisions that applicants were told of in that time, and that stand."""
    standing = Decision.objects.told(after).filter(
        request__repo__private=False, undo_until__gte=first
    )
    names = ("verdict", "reason_code", "is_override", "chair_reason")
    rows = standing.filter(request__repo__private=False).exclude(undo_until=after).order_by()
    return [
        DecisionRow(person, sector, verdict, reason, _decider(override, chair))
        for person, sector, verdict, reason, override, chair in rows.values_list(
            "request__applicant_id", "request__sector", *names
        )
    ]


def _decider(is_override: bool, chair_reason: str) -> str:
    if is_override:
        return OWNER
    return CHAIR if chair_reason else TEAM


def verdicts_between(first: datetime, after: datetime) -> Counter[str]:
    """Count the decisions of that time by verdict."""
    return Counter(row.verdict for row in decisions_between(first, after))


def undecided_at(moment: datetime) -> int:
    """Count the requests that were undecided then."""
    open_then = Q(closed_at=None) | Q(closed_at__gte=moment)
    return public_requests().filter(open_then, submitted_at__lt=moment).count()


def observed_between(first: datetime, after: datetime) -> dict[str, list[Observed]]:
    """List, by sector, how long each request of that time was seen, and whether decided.

    A decision counts from when the applicant was told; that on an appeal comes later. What was
    withdrawn or lapsed was seen until then, and what is undecided until ``after``.
    """
    standing = Decision.objects.told(after).filter(request=OuterRef("pk"))
    first_told = Subquery(standing.order_by("undo_until").values("undo_until")[:1])
    rows = public_requests().filter(submitted_at__gte=first, submitted_at__lt=after)
    observed: dict[str, list[Observed]] = {}
    for sector, submitted, decided, closed in (
        rows.order_by()
        .annotate(first_told=first_told)
        .values_list("sector", "submitted_at", "first_told", "closed_at")
    ):
        seen = decided or min(closed or after, after)
        days = max((seen - (submitted or after)) / DAY, 0.0)
        observed.setdefault(sector, []).append(Observed(days, is_decided=decided is not None))
    return observed

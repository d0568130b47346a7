"""Where a case stands in the queue, and which one opens next."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q

from portal.access.filters import IN_REVIEW, OPEN
from portal.access.models import AccessRequest, Assignment, Review
from portal.access.reading import (
    OLDEST_FIRST,
    Count,
    Requests,
    beyond,
    count,
    first_keys,
    narrowed,
    parts_of,
)
from portal.accounts.models import User


@dataclass(frozen=True)
class Place:
    """``number`` is none where the case isn't in the queue, or stands too far behind to count."""

    number: int | None
    total: Count
    previous: int | None
    next: int | None


def place_of(access_request: AccessRequest, reviewer: User) -> Place:
    waiting = narrowed(parts_of(reviewer), OPEN)
    total = count(waiting)
    if access_request.state not in AccessRequest.UNDECIDED_STATES:
        return Place(None, total, None, _first(waiting))
    ahead = _behind(waiting, access_request, reverse=True)
    number = count(ahead, OLDEST_FIRST.reversed())
    return Place(
        number=None if number.is_capped else number.number + 1,
        total=total,
        previous=_first(ahead, reverse=True),
        next=_first(_behind(waiting, access_request)),
    )


def next_to_decide(decided: AccessRequest, reviewer: User) -> int | None:
    """The next case behind this one that awaits this person's vote; from the oldest again at the
    end. What a colleague has claimed is passed over."""
    mine = Review.objects.filter(request=OuterRef("pk"), reviewer=reviewer, voided_at=None)
    theirs = Assignment.objects.filter(request=OuterRef("pk"), ended_at=None)
    free = ~Q(Exists(mine)) & ~Q(Exists(theirs.exclude(reviewer=reviewer)))
    decidable = narrowed(parts_of(reviewer), IN_REVIEW, free, ~Q(pk=decided.pk))
    return _first(_behind(decidable, decided)) or _first(decidable)


def _behind(
    parts: list[Requests], access_request: AccessRequest, *, reverse: bool = False
) -> list[Requests]:
    """Those that came later; reversed, those that came before."""
    if access_request.submitted_at is None:
        return []
    order = OLDEST_FIRST.reversed() if reverse else OLDEST_FIRST
    return beyond(parts, order, access_request.submitted_at, access_request.pk)


def _first(parts: list[Requests], *, reverse: bool = False) -> int | None:
    order = OLDEST_FIRST.reversed() if reverse else OLDEST_FIRST
    keys = first_keys(parts, order, 1)
    return keys[0] if keys else None

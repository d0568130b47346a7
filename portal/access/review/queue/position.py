"""Find a request's position in the list that it was opened from, and the request to open next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from portal.access.models import AccessRequest, Assignment, Review
from portal.access.policy.request_actions import RequestAction, allowed_actions
from portal.access.review.queue.filters import IN_REVIEW, Filters, conditions_of, order_of
from portal.access.review.queue.paging import (
    CAP,
    CappedCount,
    ListPlace,
    QueueOrder,
    Requests,
    any_exist,
    count,
    filtered,
    first_keys,
    readable_parts,
)
from portal.accounts.models import User

MOST_LOOKED_AT = 20  # for one on which the reviewer may vote; after so many, the list is shown


@dataclass(frozen=True)
class QueuePosition:
    """A request's position in a list; ``number`` is None if it isn't in it, or beyond the cap."""

    number: int | None
    total: CappedCount
    previous: int | None
    next: int | None


def position_in_queue(
    access_request: AccessRequest, reviewer: User, filters: Filters, now: datetime
) -> QueuePosition:
    """Return the request's position in the list that the reviewer's filters show."""
    shown, order = _shown(reviewer, filters, now), order_of(filters)
    keys = first_keys(shown, order, CAP + 1)
    if len(keys) <= CAP and access_request.pk in keys:
        return _position_among(keys, access_request.pk)
    total, place = count(shown, order), order.place_of(access_request)
    following = _first(shown, order, place)
    if place is None or not any_exist(filtered(shown, Q(pk=access_request.pk))):
        return QueuePosition(None, total, None, following)
    # In the reversed order those before this request come after it, so one index serves both ways.
    back = order.reversed()
    ahead = count(shown, back, after=place)
    return QueuePosition(
        number=None if ahead.is_capped else ahead.number + 1,
        total=total,
        previous=_first(shown, back, place),
        next=following,
    )


def _position_among(keys: list[int], key: int) -> QueuePosition:
    """Return the position in a list that is short enough to be read whole."""
    at = keys.index(key)
    following = keys[at + 1] if at + 1 < len(keys) else None
    return QueuePosition(at + 1, CappedCount(len(keys)), keys[at - 1] if at else None, following)


def next_to_decide(
    decided: AccessRequest, reviewer: User, filters: Filters, now: datetime
) -> int | None:
    """Return the key of the next request in the list that awaits this reviewer's vote.

    Requests that a colleague has claimed are passed over, and those on which the reviewer may not
    vote, such as an appeal against their own decision. Return None at the end of the list; the
    reviewer chooses whether to begin it again.
    """
    own_vote = Review.objects.filter(request=OuterRef("pk"), reviewer=reviewer, voided_at=None)
    assigned = Assignment.objects.filter(request=OuterRef("pk"), ended_at=None)
    free = ~Q(Exists(own_vote)) & ~Q(Exists(assigned.exclude(reviewer=reviewer)))
    decidable = filtered(_shown(reviewer, filters, now), IN_REVIEW, free, ~Q(pk=decided.pk))
    order = order_of(filters)
    place = order.place_of(decided)
    keys = first_keys(decidable, order, MOST_LOOKED_AT, place) if place else []
    return next((key for key in keys if _may_vote(reviewer, key, now)), None)


def _may_vote(reviewer: User, key: int, now: datetime) -> bool:
    """Tell whether nothing, such as a conflict of interest, bars the reviewer from voting."""
    access_request = AccessRequest.objects.select_related("repo", "applicant").get(pk=key)
    return RequestAction.VOTE in allowed_actions(reviewer, access_request, now)


def _shown(reviewer: User, filters: Filters, now: datetime) -> list[Requests]:
    parts = readable_parts(reviewer, filters.repo_id)
    return filtered(parts, *conditions_of(filters, reviewer, now))


def _first(parts: list[Requests], order: QueueOrder, after: ListPlace | None) -> int | None:
    """Return the first request after a place; None if there is none, or no place."""
    return next(iter(first_keys(parts, order, 1, after)), None) if after else None

"""Read any list of the queue by an index, in its own order and up to a limit.

A reviewer reads the requests of several models, escalated ones of others, and filters them. As one
query with ``OR`` and ``IN`` PostgreSQL can't use an index for the order: it reads and sorts every
request that matches. So a list is a union: one part per model and right to read it, each of which
an index of AccessRequest yields in the list's order up to a limit. A page then costs a few rows per
model, and a count stops at a cap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any, TypeAlias

from django.db.models import Q

from portal.access.models import AccessRequest
from portal.access.querysets import UNDECIDED, AccessRequestQuerySet
from portal.access.querysets.requests import seats_as_guest
from portal.accounts.models import User
from portal.catalog.labs.seats import reviewable_keys
from portal.catalog.models import ModelRepo
from portal.database.once import once

Requests: TypeAlias = AccessRequestQuerySet[AccessRequest]

CAP = 1000  # nothing is counted beyond it; the pages show 1,000+
MANY_REPOS = 20  # a union of more parts costs more to plan than one sorted query to run


@dataclass(frozen=True)
class CappedCount:
    """A number of requests, counted up to a cap; ``is_capped`` if there are more."""

    number: int
    is_capped: bool = False

    def __str__(self) -> str:
        return f"{self.number:,}+" if self.is_capped else f"{self.number:,}"

    def __bool__(self) -> bool:
        return self.number > 0


@dataclass(frozen=True)
class ListPlace:
    """The place of a request in an order: its time there, its key, and if it stands apart."""

    at: datetime
    key: int
    is_apart: bool = False


@dataclass(frozen=True)
class QueueOrder:
    """An order by one column, then by key. ``column`` must not be null in the list it orders.

    Requests in the state ``apart`` come after all others, in the same order among themselves.
    """

    column: str = "submitted_at"
    is_descending: bool = False
    apart: str = ""

    def reversed(self) -> QueueOrder:
        return replace(self, is_descending=not self.is_descending)

    @property
    def fields(self) -> tuple[str, str]:
        sign = "-" if self.is_descending else ""
        return f"{sign}{self.column}", f"{sign}pk"

    @property
    def segments(self) -> list[tuple[bool, Q]]:
        """Return the parts of the order, one after the other: if it stands apart, and which."""
        if not self.apart:
            return [(False, Q())]
        segments = [(False, ~Q(state=self.apart)), (True, Q(state=self.apart))]
        return segments[::-1] if self.is_descending else segments

    def place_of(self, access_request: AccessRequest) -> ListPlace | None:
        """Return the request's place; None if it has no time in this order."""
        at = getattr(access_request, self.column)
        is_apart = bool(self.apart) and access_request.state == self.apart
        return ListPlace(at, access_request.pk, is_apart) if at else None


OLDEST_FIRST = QueueOrder()


@once(lambda reviewer, repo_id=None: (reviewer.pk, repo_id))
def readable_parts(reviewer: User, repo_id: int | None = None) -> list[Requests]:
    """Return what the reviewer may read as querysets, one per model, that don't overlap.

    Together they are ``AccessRequest.objects.readable_by(reviewer)``, as a test holds.
    """
    team = reviewable_keys(reviewer)
    team = team if repo_id is None else team & {repo_id}
    readable = AccessRequest.objects.submitted().exclude(applicant=reviewer)
    escalated = readable.filter(escalation_level__gt=0)
    parts = _by_repo(readable, sorted(team))
    guest = readable.filter(pk__in=seats_as_guest(reviewer), state__in=UNDECIDED)
    guest = (guest if repo_id is None else guest.filter(repo=repo_id)).exclude(repo__in=team)
    if reviewer.is_superuser:  # owns all repos there are
        everywhere = escalated if repo_id is None else escalated.filter(repo=repo_id)
        parts = [*parts, everywhere.exclude(repo__in=team)]
        return [*parts, guest.filter(escalation_level=0)]
    owned = set(_keys(ModelRepo.objects.owned_by(reviewer), repo_id)) - team
    guest = guest.exclude(repo__in=owned, escalation_level__gt=0)
    return [*parts, *_by_repo(escalated, sorted(owned)), guest]


def _keys(repos: Any, repo_id: int | None) -> list[int]:
    chosen = repos if repo_id is None else repos.filter(pk=repo_id)
    return list(chosen.values_list("pk", flat=True))


def _by_repo(requests: Requests, keys: Sequence[int]) -> list[Requests]:
    if len(keys) > MANY_REPOS:
        return [requests.filter(repo__in=keys)]
    return [requests.filter(repo=key) for key in keys]


def first_keys(
    parts: Sequence[Requests], order: QueueOrder, limit: int, after: ListPlace | None = None
) -> list[int]:
    """Return the keys of the first requests of all parts together, in order, or those after one.

    Each part is limited by itself, so that its index is read no further than that.
    """
    keys: list[int] = []
    for segment in _segments(parts, order, after):
        if left := limit - len(keys):
            keys += _first_of(segment, order, left)
    return keys


def _segments(
    parts: Sequence[Requests], order: QueueOrder, after: ListPlace | None
) -> list[list[Requests]]:
    """Return the parts in each segment of the order, from a place on."""
    segments = order.segments
    if after is None:
        return [filtered(parts, which) for _, which in segments]
    own = [is_apart for is_apart, _ in segments].index(after.is_apart)
    rest = [filtered(parts, which) for _, which in segments[own:]]
    return [_after(rest[0], order, after), *rest[1:]]


def _first_of(parts: Sequence[Requests], order: QueueOrder, limit: int) -> list[int]:
    firsts = [
        part.order_by(*order.fields).values_list(order.column, "pk")[:limit] for part in parts
    ]
    rows = [(at, key) for at, key in union(firsts)]
    return [key for _, key in sorted(rows, reverse=order.is_descending)[:limit]]


def count(
    parts: Sequence[Requests],
    order: QueueOrder = OLDEST_FIRST,
    cap: int = CAP,
    after: ListPlace | None = None,
) -> CappedCount:
    """Count the requests of all parts, or those after a place in the order, up to a cap.

    They are counted in an index's order: without one PostgreSQL may scan the table for the few rows
    that match.
    """
    counted = parts if after is None else chain(*_segments(parts, order, after))
    keys = [part.order_by(*order.fields).values("pk")[: cap + 1] for part in counted]
    number = union(keys).count() if keys else 0
    return CappedCount(min(number, cap), number > cap)


def with_other_teams(reviewer: User) -> CappedCount:
    """Count the undecided requests for models that somebody owns without being on their team.

    An owner reads a request once it was escalated; until then only its team does.
    """
    owned = ModelRepo.objects.owned_by(reviewer)
    team = ModelRepo.objects.reviewable_by(reviewer)
    unread = AccessRequest.objects.undecided().filter(repo__in=owned, escalation_level=0)
    return count([unread.exclude(repo__in=team)])


def any_exist(parts: Sequence[Requests]) -> bool:
    return bool(first_keys(parts, OLDEST_FIRST, 1))


def filtered(parts: Sequence[Requests], *conditions: Any) -> list[Requests]:
    return [part.filter(*conditions) for part in parts]


def _after(parts: Sequence[Requests], order: QueueOrder, place: ListPlace) -> list[Requests]:
    """Narrow each part to the requests that come after a place in its segment of the order.

    Written as a range of the column less the ties up to the key: the range is one that an index
    starts at, which a comparison joined by ``OR`` is not.
    """
    way, back = ("lte", "gte") if order.is_descending else ("gte", "lte")
    from_there = Q(**{f"{order.column}__{way}": place.at})
    ties = Q(**{order.column: place.at, f"pk__{back}": place.key})
    return [part.filter(from_there).exclude(ties) for part in parts]


def union(querysets: Sequence[Any]) -> Any:
    """Join the querysets of the parts, which don't overlap, into one query."""
    if not querysets:
        return AccessRequest.objects.none().values_list("submitted_at", "pk")
    first, *others = querysets
    return first.union(*others, all=True) if others else first

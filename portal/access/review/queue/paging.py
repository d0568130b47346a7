"""Reading the queue, however long it is: each list by an index, in its own order, to a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from django.db.models import Q

from portal.access.models import AccessRequest
from portal.access.querysets import AccessRequestQuerySet
from portal.accounts.models import User
from portal.catalog.models import ModelRepo

Requests: TypeAlias = AccessRequestQuerySet[AccessRequest]

CAP = 1000  # further than this nothing is counted
MANY_REPOS = 20  # more are read together, at some cost


@dataclass(frozen=True)
class CappedCount:
    """How many there are, as far as it was counted."""

    number: int
    is_capped: bool = False

    def __str__(self) -> str:
        return f"{self.number:,}+" if self.is_capped else f"{self.number:,}"

    def __bool__(self) -> bool:
        return self.number > 0


@dataclass(frozen=True)
class QueueOrder:
    """By one column, ties by key. ``column`` is never null in what is read so."""

    column: str = "submitted_at"
    is_descending: bool = False

    def reversed(self) -> QueueOrder:
        return QueueOrder(self.column, not self.is_descending)

    @property
    def fields(self) -> tuple[str, str]:
        sign = "-" if self.is_descending else ""
        return f"{sign}{self.column}", f"{sign}pk"


OLDEST_FIRST = QueueOrder()


def readable_parts(reviewer: User, repo_id: int | None = None) -> list[Requests]:
    """What this person may read, as parts that don't overlap: a repo each, so that each is found
    by an index. Together they are ``readable_by``."""
    team = set(_keys(ModelRepo.objects.reviewable_by(reviewer), repo_id))
    readable = AccessRequest.objects.submitted().exclude(applicant=reviewer)
    escalated = readable.filter(escalation_level__gt=0)
    parts = _by_repo(readable, sorted(team))
    if reviewer.is_superuser:  # owns all repos there are
        everywhere = escalated if repo_id is None else escalated.filter(repo=repo_id)
        return [*parts, everywhere.exclude(repo__in=team)]
    owned = set(_keys(ModelRepo.objects.owned_by(reviewer), repo_id)) - team
    return [*parts, *_by_repo(escalated, sorted(owned))]


def _keys(repos: Any, repo_id: int | None) -> list[int]:
    found = repos if repo_id is None else repos.filter(pk=repo_id)
    return list(found.values_list("pk", flat=True))


def _by_repo(found: Requests, keys: Sequence[int]) -> list[Requests]:
    if len(keys) > MANY_REPOS:
        return [found.filter(repo__in=keys)]
    return [found.filter(repo=key) for key in keys]


def first_keys(parts: Sequence[Requests], order: QueueOrder, limit: int) -> list[int]:
    """The keys of the first of them all."""
    rows = [
        (at, key)
        for at, key in _union(
            [part.order_by(*order.fields).values_list(order.column, "pk")[:limit] for part in parts]
        )
    ]
    return [key for _, key in sorted(rows, reverse=order.is_descending)[:limit]]


def count(
    parts: Sequence[Requests], order: QueueOrder = OLDEST_FIRST, cap: int = CAP
) -> CappedCount:
    """Counted in the order of an index, since without one the database may read all there is."""
    keys = [part.order_by(*order.fields).values("pk")[: cap + 1] for part in parts]
    found = _union(keys).count() if keys else 0
    return CappedCount(min(found, cap), found > cap)


def with_other_teams(reviewer: User) -> CappedCount:
    """Count the undecided requests on repos that this person owns and whose team they aren't on.

    An owner reads a case once it was escalated; until then its team alone does.
    """
    owned = ModelRepo.objects.owned_by(reviewer)
    team = ModelRepo.objects.reviewable_by(reviewer)
    unread = AccessRequest.objects.undecided().filter(repo__in=owned, escalation_level=0)
    return count([unread.exclude(repo__in=team)])


def any_exist(parts: Sequence[Requests]) -> bool:
    return bool(first_keys(parts, OLDEST_FIRST, 1))


def filtered(parts: Sequence[Requests], *conditions: Any) -> list[Requests]:
    return [part.filter(*conditions) for part in parts]


def after_position(
    parts: Sequence[Requests], order: QueueOrder, at: datetime, key: int
) -> list[Requests]:
    """Those that come after this place in the order."""
    way = "lt" if order.is_descending else "gt"
    this_far = Q(**{f"{order.column}__{way}e": at})
    not_yet = Q(**{order.column: at, f"pk__{'gte' if order.is_descending else 'lte'}": key})
    return [part.filter(this_far).exclude(not_yet) for part in parts]


def _union(found: Sequence[Any]) -> Any:
    if not found:
        return AccessRequest.objects.none().values_list("submitted_at", "pk")
    return found[0].union(*found[1:], all=True) if len(found) > 1 else found[0]

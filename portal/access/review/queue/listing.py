"""Put a page of the reviewers' queue together: tabs, filters, groups, and a row per request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from portal.access.models import AccessRequest
from portal.access.querysets.requests import overdue
from portal.access.requests.form.answers import country_name
from portal.access.review.queue.filters import (
    DECIDED,
    VIEWS,
    Filters,
    conditions_of,
    order_of,
    view_of,
)
from portal.access.review.queue.groups import RequestGroup, grouped
from portal.access.review.queue.paging import (
    CAP,
    OLDEST_FIRST,
    CappedCount,
    ListPlace,
    QueueOrder,
    Requests,
    any_exist,
    count,
    filtered,
    first_keys,
    readable_parts,
    union,
)
from portal.access.review.queue.rows import QueueRow, rows_of
from portal.accounts.models import User
from portal.catalog.labs.seats import reviewable_keys, seat_holders_of
from portal.catalog.models import ModelRepo

PAGE_SIZE = 25
GROUPS, ROWS_OF_A_GROUP = 20, 5


@dataclass(frozen=True)
class QueueTab:
    """A view of the queue, with how many requests it has."""

    slug: str
    label: str
    count: CappedCount | None


@dataclass(frozen=True)
class QueueGroup:
    """A group of requests with the rows of its first ones."""

    label: str
    count: int
    filter: tuple[str, str]
    rows: list[QueueRow]


@dataclass(frozen=True)
class QueuePage:
    """A page of the queue. ``before`` and ``after`` are the keys that its neighbours start from."""

    rows: list[QueueRow]
    groups: list[QueueGroup]
    is_cut: bool
    before: int | None
    after: int | None
    tabs: list[QueueTab]
    repos: list[ModelRepo]
    colleagues: list[User]
    countries: list[tuple[str, str]]
    open_count: CappedCount
    overdue_count: CappedCount


def queue_of(reviewer: User, filters: Filters, *, now: datetime) -> QueuePage:
    """Return the page of a reviewer's queue that the filters ask for."""
    everything = readable_parts(reviewer)
    chosen = readable_parts(reviewer, filters.repo_id) if filters.repo_id else everything
    requests = filtered(chosen, *conditions_of(filters, reviewer, now))
    order = order_of(filters)
    groups, is_cut = grouped(requests, filters, order) if filters.group else ([], False)
    keys, before, after = ([], None, None) if filters.group else _page(requests, filters, order)
    counts = _counts(everything, reviewer, now)
    tabs = [QueueTab(slug, label, counts[slug]) for slug, (label, _) in VIEWS.items()]
    return QueuePage(
        rows=rows_of(keys, reviewer, now),
        groups=with_rows(groups[:GROUPS], reviewer, now),
        is_cut=is_cut,
        before=before,
        after=after,
        tabs=[*tabs, QueueTab(DECIDED, "Decided", None)],
        repos=list(ModelRepo.objects.reviewable_by(reviewer).with_names()),
        colleagues=_colleagues(reviewer),
        countries=_countries(everything, filters),
        open_count=counts["open"],
        overdue_count=counts["overdue"],
    )


def _counts(
    everything: Sequence[Requests], reviewer: User, now: datetime
) -> dict[str, CappedCount]:
    """Count each view, and what is overdue, up to the cap: in two queries where all is below it.

    They count all that may be read, whatever is filtered, so that the tabs stay as they are.
    """
    wanted = {slug: view_of(slug, reviewer) for slug in VIEWS} | {"overdue": overdue(now)}
    undecided = first_keys(filtered(everything, VIEWS["open"][1]), OLDEST_FIRST, CAP + 1)
    if len(undecided) > CAP:
        return {name: count(filtered(everything, condition)) for name, condition in wanted.items()}
    numbers = AccessRequest.objects.filter(pk__in=undecided).aggregate(
        **{name: Count("pk", filter=condition) for name, condition in wanted.items()}
    )
    return {name: CappedCount(number) for name, number in numbers.items()}


def has_queue(reviewer: User) -> bool:
    """Tell if somebody is on a review team, owns an escalated request's model, or was a guest."""
    if reviewable_keys(reviewer) or reviewer.guest_cases.exists():
        return True
    return any_exist(readable_parts(reviewer))


def waiting_count(reviewer: User) -> CappedCount:
    """Count the undecided requests that the reviewer may read, up to the cap."""
    return count(filtered(readable_parts(reviewer), VIEWS["open"][1]))


def _page(
    requests: list[Requests], filters: Filters, order: QueueOrder
) -> tuple[list[int], int | None, int | None]:
    """Return the keys of one page, and the keys from which the pages before and after it start.

    A page starts from a key rather than at a number, so that it neither reads the rows before it
    nor skips any when a request of an earlier page is decided meanwhile.
    """
    backward = filters.before is not None
    way = order.reversed() if backward else order
    start = filters.before or filters.after
    place = _place_in(order, start) if start else None
    keys = first_keys(requests, way, PAGE_SIZE + 1, place)  # one more tells if a page follows
    has_more, keys = len(keys) > PAGE_SIZE, keys[:PAGE_SIZE]
    if backward:
        keys.reverse()
    first, last = (keys[0], keys[-1]) if keys else (None, None)
    has_before = has_more if backward else place is not None
    has_after = backward or has_more
    return keys, first if has_before else None, last if has_after else None


def _place_in(order: QueueOrder, key: int) -> ListPlace | None:
    request = AccessRequest.objects.filter(pk=key).only("pk", "state", order.column).first()
    return order.place_of(request) if request else None


def with_rows(groups: Sequence[RequestGroup], reviewer: User, now: datetime) -> list[QueueGroup]:
    """Return each group with the rows of its first requests, all read at once."""
    keys = [key for group in groups for key in group.keys[:ROWS_OF_A_GROUP]]
    rows = {row.access_request.pk: row for row in rows_of(keys, reviewer, now)}
    return [
        QueueGroup(
            label=group.label,
            count=len(group.keys),
            filter=group.filter,
            rows=[rows[key] for key in group.keys[:ROWS_OF_A_GROUP] if key in rows],
        )
        for group in groups
    ]


def _colleagues(reviewer: User) -> list[User]:
    """Return the other members of the reviewer's teams, to filter by."""
    repos = ModelRepo.objects.reviewable_by(reviewer)
    others = seat_holders_of(repos).exclude(pk=reviewer.pk)
    return list(others.order_by("name", "pk")[:100])


def _countries(everything: Sequence[Requests], filters: Filters) -> list[tuple[str, str]]:
    """Return the countries of the open requests, and the chosen one, by name: few of all there are.

    Each part is read by its index of countries.
    """
    undecided = filtered(everything, VIEWS["open"][1])
    parts = [part.order_by().values_list("country", flat=True).distinct() for part in undecided]
    codes = {*union(parts), filters.country} - {""}
    return sorted(((code, country_name(code)) for code in codes), key=lambda row: row[1])

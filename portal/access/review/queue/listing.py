"""Put a page of the reviewers' queue together: tabs, filters, groups, and a row per request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch

from portal.access.evidence.assessment import assess
from portal.access.evidence.flags import Assessment, FlagKind
from portal.access.models import AccessRequest, Assignment
from portal.access.querysets.requests import overdue
from portal.access.requests.form.answers import modes_label, sector_label
from portal.access.review.queue.filters import (
    DECIDED,
    VIEWS,
    Filters,
    conditions_of,
    order_of,
)
from portal.access.review.queue.groups import RequestGroup, grouped
from portal.access.review.queue.paging import (
    CappedCount,
    QueueOrder,
    Requests,
    after_position,
    any_exist,
    count,
    filtered,
    first_keys,
    readable_parts,
)
from portal.access.review.status import State, is_undecided, reviewer_badge
from portal.access.screening.claimed_affiliations import Workplace, workplace_of
from portal.access.status_badge import StatusBadge
from portal.accounts.models import User
from portal.catalog.labs.seats import seat_holders_of
from portal.catalog.models import ModelRepo
from portal.formatting import counted

PAGE_SIZE = 25
GROUPS, ROWS_OF_A_GROUP = 20, 5
NEAR = timedelta(days=3)


@dataclass(frozen=True)
class QueueTab:
    """A view of the queue, with how many requests it has."""

    slug: str
    label: str
    count: CappedCount | None


@dataclass(frozen=True)
class QueueRow:
    """A request in the queue. ``due`` is calm, near, late, waits, or none once it is decided.

    Only what is undecided is assessed: what was decided, was decided on what was known then.
    """

    access_request: AccessRequest
    workplace: Workplace
    sector: str
    modes: str
    models: str
    badge: StatusBadge
    due: str
    assignee: str
    assessment: Assessment | None = None

    @property
    def flags(self) -> list[FlagKind]:
        return self.assessment.kinds if self.assessment else []

    @property
    def is_clear(self) -> bool | None:
        return self.assessment.is_clear if self.assessment else None


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
    # The tabs count all that may be read, whatever is filtered, so that they stay as they are.
    counts = {
        slug: count(filtered(everything, condition)) for slug, (_, condition) in VIEWS.items()
    }
    tabs = [QueueTab(slug, label, counts[slug]) for slug, (label, _) in VIEWS.items()]
    return QueuePage(
        rows=_rows(keys, reviewer, now),
        groups=with_rows(groups[:GROUPS], reviewer, now),
        is_cut=is_cut,
        before=before,
        after=after,
        tabs=[*tabs, QueueTab(DECIDED, "Decided", None)],
        repos=list(ModelRepo.objects.reviewable_by(reviewer).with_names()),
        colleagues=_colleagues(reviewer),
        open_count=counts["open"],
        overdue_count=count(filtered(everything, overdue(now)), QueueOrder("due_at")),
    )


def has_queue(reviewer: User) -> bool:
    """Tell if somebody is on a review team, owns an escalated request's model, or was a guest."""
    if reviewer.guest_cases.exists() or ModelRepo.objects.reviewable_by(reviewer).exists():
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
    rest = after_position(requests, way, place, start) if place and start else requests
    keys = first_keys(rest, way, PAGE_SIZE + 1)  # one more than shown tells if a page follows
    has_more, keys = len(keys) > PAGE_SIZE, keys[:PAGE_SIZE]
    if backward:
        keys.reverse()
    first, last = (keys[0], keys[-1]) if keys else (None, None)
    has_before = has_more if backward else place is not None
    has_after = backward or has_more
    return keys, first if has_before else None, last if has_after else None


def _place_in(order: QueueOrder, key: int) -> datetime | None:
    place: datetime | None = (
        AccessRequest.objects.filter(pk=key).values_list(order.column, flat=True).first()
    )
    return place


def with_rows(groups: Sequence[RequestGroup], reviewer: User, now: datetime) -> list[QueueGroup]:
    """Return each group with the rows of its first requests, all read at once."""
    keys = [key for group in groups for key in group.keys[:ROWS_OF_A_GROUP]]
    rows = {row.access_request.pk: row for row in _rows(keys, reviewer, now)}
    return [
        QueueGroup(
            label=group.label,
            count=len(group.keys),
            filter=group.filter,
            rows=[rows[key] for key in group.keys[:ROWS_OF_A_GROUP] if key in rows],
        )
        for group in groups
    ]


def _rows(keys: list[int], reviewer: User, now: datetime) -> list[QueueRow]:
    assigned = Assignment.objects.filter(ended_at=None).select_related("reviewer")
    loaded = (
        AccessRequest.objects.filter(pk__in=keys)
        .defer("searched")
        .select_related(
            "repo__namespace", "collection__namespace", "applicant", "appeal", "organization"
        )
        .prefetch_related(Prefetch("assignments", assigned, to_attr="current_assignments"))
    )
    by_key = {access_request.pk: access_request for access_request in loaded}
    undecided = [case for case in by_key.values() if is_undecided(case)]
    assessments = assess(undecided, now, reviewer)
    return [_row(by_key[key], assessments.get(key), reviewer, now) for key in keys if key in by_key]


def _row(
    access_request: AccessRequest, assessment: Assessment | None, reviewer: User, now: datetime
) -> QueueRow:
    draft = access_request.draft
    return QueueRow(
        access_request=access_request,
        workplace=workplace_of(access_request),
        sector=sector_label(access_request.sector or draft.get("sector")),
        modes=modes_label(draft.get("modes")),
        models=_models(access_request),
        badge=reviewer_badge(access_request),
        due=due_tone(access_request, now),
        assignee=_assignee(getattr(access_request, "current_assignments", []), reviewer),
        assessment=assessment,
    )


def _models(access_request: AccessRequest) -> str:
    """Say of how many models of a collection a request is; "" without a collection."""
    if access_request.collection is None:
        return ""
    number = len(access_request.draft.get("models") or [])
    return f"{access_request.collection.title}: {counted(number, 'model')}"


def _assignee(assignments: Iterable[Assignment], reviewer: User) -> str:
    for assignment in assignments:  # one at most is not ended
        is_own = assignment.reviewer_id == reviewer.pk
        return "You" if is_own else assignment.reviewer.display_name
    return ""


def _colleagues(reviewer: User) -> list[User]:
    """Return the other members of the reviewer's teams, to filter by."""
    repos = ModelRepo.objects.reviewable_by(reviewer)
    others = seat_holders_of(repos).exclude(pk=reviewer.pk)
    return list(others.order_by("name", "pk")[:100])


def due_tone(access_request: AccessRequest, now: datetime) -> str:
    """Say how near the due date is; a question to the applicant pauses it."""
    due_at = access_request.due_at
    if due_at is None or not is_undecided(access_request):
        return "none"
    if access_request.state == State.NEEDS_INFO:
        return "waits"
    if due_at < now:
        return "late"
    return "near" if due_at - now <= NEAR else "calm"

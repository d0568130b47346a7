"""The reviewers' queue: views, filters, and each request as a row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias, cast

from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, OuterRef, Q

from portal.access.answers import modes_label, sector_label
from portal.access.models import AccessRequest, Question
from portal.access.querysets import AccessRequestQuerySet
from portal.access.standing import Mark, State, is_undecided, reviewer_mark
from portal.accounts.models import User
from portal.catalog.models import ModelRepo

Requests: TypeAlias = AccessRequestQuerySet[AccessRequest]

PAGE_SIZE = 25
NEAR = timedelta(days=3)
ASKED = Exists(Question.objects.filter(request=OuterRef("pk")))
IN_REVIEW, ASKING = Q(state=State.IN_REVIEW), Q(state=State.NEEDS_INFO)
VIEWS = {
    "open": ("All open", IN_REVIEW | ASKING),
    "new": ("New", IN_REVIEW & Q(asked=False)),
    "answered": ("Answered", IN_REVIEW & Q(asked=True)),
    "waiting": ("Waiting for the applicant", ASKING),
}
DECIDED = "decided"


@dataclass(frozen=True)
class Filters:
    view: str = "open"
    repo: str = ""
    q: str = ""


@dataclass(frozen=True)
class Tab:
    slug: str
    label: str
    count: int | None


@dataclass(frozen=True)
class Row:
    """One request of the queue. ``due``: calm, near, late, or none while it waits."""

    request: AccessRequest
    organization: str
    sector: str
    modes: str
    mark: Mark
    due: str


@dataclass(frozen=True)
class Queue:
    rows: list[Row]
    page: Page[AccessRequest]
    tabs: list[Tab]
    repos: list[ModelRepo]
    open_count: int
    overdue_count: int


def filters_from(given: dict[str, str]) -> Filters:
    """What was asked for; an unknown view is all that is open."""
    view = given.get("view", "open")
    known = view if view in VIEWS or view == DECIDED else "open"
    return Filters(known, given.get("repo", ""), given.get("q", "").strip())


def queue_of(reviewer: User, filters: Filters, *, number: str | None, now: datetime) -> Queue:
    readable = AccessRequest.objects.readable_by(reviewer)
    found = _searched(_viewed(readable, filters.view), filters)
    found = found.select_related("repo__namespace", "applicant")
    page = Paginator(found.prefetch_related("submissions", "questions"), PAGE_SIZE).get_page(number)
    counts = _counts(readable, now)
    tabs = [Tab(slug, label, counts[slug]) for slug, (label, _) in VIEWS.items()]
    return Queue(
        rows=[_row(each, now) for each in page],
        page=page,
        tabs=[*tabs, Tab(DECIDED, "Decided", None)],
        repos=list(ModelRepo.objects.reviewable_by(reviewer).with_names()),
        open_count=counts["open"],
        overdue_count=counts["overdue"],
    )


def _viewed(readable: Requests, view: str) -> Requests:
    if view == DECIDED:
        return readable.exclude(VIEWS["open"][1]).order_by("-closed_at", "-pk")
    _, condition = VIEWS[view]
    viewed = readable.alias(asked=ASKED).filter(condition).order_by("submitted_at", "pk")
    return cast("Requests", viewed)


def _searched(found: Requests, filters: Filters) -> Requests:
    if filters.repo.isdecimal() and len(filters.repo) < 19:
        found = found.filter(repo=int(filters.repo))
    if not (q := filters.q):
        return found
    match = Q(applicant__name__icontains=q) | Q(applicant__username__icontains=q)
    match |= Q(applicant__email__icontains=q)
    for answer in ("name", "organization", "purpose", "outputs"):
        match |= Q(**{f"draft__{answer}__icontains": q})
    if q.isdecimal() and len(q) < 19:
        match |= Q(pk=int(q))
    return found.filter(match)


def _counts(readable: Requests, now: datetime) -> dict[str, int]:
    late = Count("pk", filter=IN_REVIEW & Q(due_at__lt=now))
    each = {slug: Count("pk", filter=condition) for slug, (_, condition) in VIEWS.items()}
    counts: dict[str, int] = readable.annotate(asked=ASKED).aggregate(overdue=late, **each)
    return counts


def _row(access_request: AccessRequest, now: datetime) -> Row:
    submissions = list(access_request.submissions.all())
    answers = submissions[-1].answers if submissions else {}
    return Row(
        request=access_request,
        organization=str(answers.get("organization") or ""),
        sector=sector_label(answers.get("sector")),
        modes=modes_label(answers.get("modes")),
        mark=reviewer_mark(access_request),
        due=due_tone(access_request, now),
    )


def due_tone(access_request: AccessRequest, now: datetime) -> str:
    """How near the due date is; it stands still while the applicant is asked."""
    due_at = access_request.due_at
    if due_at is None or not is_undecided(access_request):
        return "none"
    if access_request.state == State.NEEDS_INFO:
        return "waits"
    if due_at < now:
        return "late"
    return "near" if due_at - now <= NEAR else "calm"


@dataclass(frozen=True)
class Place:
    """Where a case stands in the queue, and its neighbours."""

    number: int | None
    total: int
    previous: int | None
    next: int | None


def place_of(access_request: AccessRequest, reviewer: User) -> Place:
    waiting = AccessRequest.objects.waiting_for(reviewer)
    keys = list(waiting.values_list("pk", flat=True))
    if access_request.pk not in keys:
        return Place(None, len(keys), None, keys[0] if keys else None)
    at = keys.index(access_request.pk)
    return Place(
        number=at + 1,
        total=len(keys),
        previous=keys[at - 1] if at else None,
        next=keys[at + 1] if at + 1 < len(keys) else None,
    )


def next_to_decide(decided: AccessRequest, reviewer: User) -> int | None:
    """The next case behind this one that awaits a decision; from the oldest again at the end."""
    decidable = AccessRequest.objects.decidable_by(reviewer).order_by("submitted_at", "pk")
    later = Q(submitted_at__gt=decided.submitted_at)
    later |= Q(submitted_at=decided.submitted_at, pk__gt=decided.pk)
    behind = decidable.filter(later).values_list("pk", flat=True).first()
    return behind or decidable.values_list("pk", flat=True).first()

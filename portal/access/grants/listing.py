"""A list of one repo's grants for its team: tabs, a search, and what each row shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from portal.access.grants.status_badges import conditions_in_words, grant_state
from portal.access.lifecycle import end_by_itself, is_revoked
from portal.access.models import Grant, Renewal
from portal.access.requests.form.answers import modes_label
from portal.access.status_badge import StatusBadge
from portal.catalog.models import ModelRepo

PAGE_SIZE = 50
SOON = timedelta(days=60)
LONGEST_SEARCH = 100

Narrow = Callable[[Any, datetime], Any]
VIEWS: dict[str, tuple[str, Narrow]] = {
    "active": ("Active", lambda grants, now: grants.active_at(now)),
    "offered": ("Offered", lambda grants, now: grants.offered_at(now)),
    "checks": ("In a check", lambda grants, now: grants.held_for_check(now)),
    "ending": (
        "Ending within 60 days",
        lambda grants, now: grants.active_at(now).ending_by(now + SOON),
    ),
    "renewals": ("To renew", lambda grants, now: grants.filter(renews=True)),
    "proposed": ("Revocation proposed", lambda grants, now: grants.revocation_proposed()),
    "all": ("All", lambda grants, now: grants),
}


@dataclass(frozen=True)
class GrantRow:
    """A row of the list."""

    grant: Any
    state: StatusBadge
    modes: str
    conditions: list[str]
    proposed: bool


@dataclass(frozen=True)
class GrantList:
    """A page of the list, under one of its tabs and within a search."""

    view: str
    q: str
    tabs: list[tuple[str, str]]
    page: Page[Any]
    rows: list[GrantRow]


def list_grants(repo: ModelRepo, query: Mapping[str, str], now: datetime) -> GrantList:
    """Return a page of a repo's grants, the earliest end first, as the address's query says."""
    view = query.get("view", "") if query.get("view") in VIEWS else "active"
    q = query.get("q", "").strip()[:LONGEST_SEARCH]
    grants = VIEWS[view][1](_all(repo), now).order_by(end_by_itself(), "pk")
    page = Paginator(_search(grants, q), PAGE_SIZE).get_page(query.get("page"))
    rows = [
        GrantRow(
            grant,
            grant_state(grant, now),
            modes_label(grant.modes),
            conditions_in_words(grant),
            proposed=grant.revocation_proposed_at is not None and not is_revoked(grant),
        )
        for grant in page
    ]
    tabs = [(slug, label) for slug, (label, _) in VIEWS.items()]
    return GrantList(view, q, tabs, page, rows)


def _all(repo: ModelRepo) -> Any:
    """Select a repo's grants with their number of members and whether a renewal is to decide."""
    waiting = Renewal.objects.filter(grant=OuterRef("pk"), decided_at=None)
    standing = Count("memberships", filter=Q(memberships__ended_at=None))
    grants = Grant.objects.concerning(repo).select_related(
        "person", "repo__namespace", "collection", "acceptance__licence_version"
    )
    grants = grants.prefetch_related("coverage__repo__namespace")
    return grants.annotate(member_count=standing, renews=Exists(waiting))


def _search(grants: QuerySet[Grant], q: str) -> QuerySet[Grant]:
    if not q:
        return grants
    words = Q(person__name__icontains=q) | Q(person__username__icontains=q)
    return grants.filter(words | Q(acceptance__entity__icontains=q))

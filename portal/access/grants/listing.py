"""The grants of one repo, as those who run it list them: filters, and what each row shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from portal.access.grants.status_marks import conditions_in_words, grant_state
from portal.access.lifecycle import is_revoked
from portal.access.models import Grant, Renewal
from portal.access.requests.form.answers import modes_label
from portal.access.status_badge import Mark
from portal.catalog.models import ModelRepo

PAGE_SIZE = 50
SOON = timedelta(days=60)
LONGEST_SEARCH = 100

Narrow = Callable[[Any, datetime], Any]
VIEWS: dict[str, tuple[str, Narrow]] = {
    "active": ("Active", lambda found, now: found.active_at(now)),
    "offered": ("Offered", lambda found, now: found.offered_at(now)),
    "checks": ("In a check", lambda found, now: found.held_for_check(now)),
    "ending": (
        "Ending within 60 days",
        lambda found, now: found.active_at(now).ending_by(now + SOON),
    ),
    "renewals": ("To renew", lambda found, now: found.filter(renews=True)),
    "proposed": ("Revocation proposed", lambda found, now: found.revocation_proposed()),
    "all": ("All", lambda found, now: found),
}


@dataclass(frozen=True)
class Row:
    grant: Any
    state: Mark
    modes: str
    conditions: list[str]
    proposed: bool


@dataclass(frozen=True)
class Granted:
    view: str
    q: str
    tabs: list[tuple[str, str]]
    page: Page[Any]
    rows: list[Row]


def granted_of(repo: ModelRepo, given: Mapping[str, str], now: datetime) -> Granted:
    """One page of them, the earliest end first."""
    view = given.get("view", "") if given.get("view") in VIEWS else "active"
    q = given.get("q", "").strip()[:LONGEST_SEARCH]
    found = VIEWS[view][1](_all(repo), now).order_by("expires_at", "pk")
    page = Paginator(_search(found, q), PAGE_SIZE).get_page(given.get("page"))
    rows = [
        Row(
            grant,
            grant_state(grant, now),
            modes_label(grant.modes),
            conditions_in_words(grant),
            proposed=grant.revocation_proposed_at is not None and not is_revoked(grant),
        )
        for grant in page
    ]
    tabs = [(slug, label) for slug, (label, _) in VIEWS.items()]
    return Granted(view, q, tabs, page, rows)


def _all(repo: ModelRepo) -> Any:
    """With the number of members, and whether a renewal waits for the team."""
    waiting = Renewal.objects.filter(grant=OuterRef("pk"), decided_at=None)
    standing = Count("memberships", filter=Q(memberships__ended_at=None))
    found = Grant.objects.filter(repo=repo).select_related("person", "acceptance__licence_version")
    return found.annotate(member_count=standing, renews=Exists(waiting))


def _search(found: QuerySet[Grant], q: str) -> QuerySet[Grant]:
    if not q:
        return found
    words = Q(person__name__icontains=q) | Q(person__username__icontains=q)
    return found.filter(words | Q(acceptance__entity__icontains=q))

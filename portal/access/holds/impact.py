"""The impact of a hold: the people to write to, and the figures of its preview."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from portal.access.holds.held_bytes import Reach, held_repos, held_revisions, reach_of
from portal.access.models import Grant, Hold, Membership
from portal.access.querysets import GrantQuerySet
from portal.accounts.models import Affiliation, User
from portal.catalog.models import ModelRepo, Revision

# Access lies below the apps that run jobs, so they register here how many a hold would stop.
JobCounter = Callable[
    ["QuerySet[User] | None", "ModelRepo | None", "QuerySet[Revision] | None"], int
]
_counters: list[JobCounter] = []


def count_jobs_with(counter: JobCounter) -> None:
    """Register a counter of jobs; the app that runs them does so once, as it starts."""
    _counters.append(counter)


@dataclass(frozen=True)
class Affected:
    """The numbers of grants, people and jobs that a hold stops, and its reach on bytes."""

    grants: int
    people: int
    jobs: int
    reach: Reach | None = None


def affected_by(
    hold: Hold, now: datetime, *, visible: QuerySet[ModelRepo] | None = None
) -> Affected:
    """Count what placing this hold would stop; nothing is changed.

    For a hold on a revision, list the held revisions of ``visible`` repos: those that the reader
    may know of.
    """
    if visible is None:
        visible = ModelRepo.objects.none()
    people = _bound(hold, now)
    revisions = held_revisions(hold) if hold.revision is not None else None
    repo = hold.repo if revisions is None else None
    return Affected(
        grants=stopped_grants(hold, now).count(),
        people=held_people(hold, now).count(),
        jobs=sum(counter(people, repo, revisions) for counter in _counters),
        reach=reach_of(hold, visible),
    )


def stopped_grants(hold: Hold, now: datetime) -> QuerySet[Grant]:
    """Select the active grants that the hold stops: those of its people, or on its repos."""
    grants = _active_grants(hold, now)
    people = _bound(hold, now)
    return grants if people is None else grants.filter(person__in=people)


def _active_grants(hold: Hold, now: datetime) -> GrantQuerySet[Grant]:
    """Select the active grants on the repos where the hold binds."""
    active: GrantQuerySet[Grant] = Grant.objects.active_at(now)
    if hold.revision is not None:
        return active.covering_any(held_repos(hold))
    return active if hold.repo is None else active.covering(hold.repo)


def held_people(hold: Hold, now: datetime, *, repo: ModelRepo | None = None) -> QuerySet[User]:
    """Select the people to tell of a hold: the person held, or the holders and members it stops.

    With ``repo``, select only holders and members of that repo's grants.
    """
    if hold.scope == Hold.Scope.PERSON:
        return User.objects.filter(pk__in=[hold.person_id])
    active = _active_grants(hold, now)
    if repo is not None:
        active = active.covering(repo)
    joined = Q(memberships__joined_at__isnull=False, memberships__ended_at=None)
    holding = Q(pk__in=active.values("person"))
    working = Q(pk__in=active.filter(joined).values("memberships__person"))
    people = User.objects.filter(holding | working).order_by("pk")
    bound = _bound(hold, now)
    return people if bound is None else people.filter(pk__in=bound.values("pk"))


def _bound(hold: Hold, now: datetime) -> QuerySet[User] | None:
    """Select the people whom a hold binds; None where it binds everybody."""
    if hold.scope == Hold.Scope.PERSON:
        return User.objects.filter(pk__in=[hold.person_id])
    if hold.scope == Hold.Scope.ORGANIZATION:
        since = hold.placed_at or now
        there = Affiliation.objects.standing_since(since, now).filter(
            organization=hold.organization_id
        )
        working = Membership.objects.working_since(since, now).filter(
            grant__person__in=there.values("person")
        )
        bound = Q(pk__in=there.values("person")) | Q(pk__in=working.values("person"))
        return User.objects.filter(bound)
    return None

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from django.db import models
from django.db.models import Case, Count, F, Q, Sum, When
from django.db.models.functions import Coalesce

if TYPE_CHECKING:
    from portal.accounts.models import User
    from portal.catalog.models import ModelRepo, Revision

OPEN_STATES = ("queued", "running")


M = TypeVar("M", bound=models.Model)
NOTHING = Q(pk=None)


class Usage(NamedTuple):
    """The use of somebody’s quotas: tokens of a day, and jobs that are open."""

    tokens: int
    waiting_tokens: int
    jobs: int

    @classmethod
    def of(cls, rows: Iterable[tuple[Any, ...]]) -> Usage:
        """Return the use in the rows of one person, who has none without a job."""
        return cls(*next(iter(rows), (0, 0, 0)))


def used_tokens() -> Case:
    """Return what a job counts for in a quota: all that an open one may yet use, while it is."""
    return Case(
        When(state__in=OPEN_STATES, then=F("reserved_tokens")),
        When(attempt=0, then=0),
        default=F("prompt_tokens") + F("completion_tokens"),
    )


class JobQuerySet(models.QuerySet[M]):
    """Jobs, narrowed by whose they are and by what has become of them."""

    def of(self, person: User | Any) -> JobQuerySet[M]:
        return self.filter(person=person)

    def open(self) -> JobQuerySet[M]:
        return self.filter(state__in=OPEN_STATES)

    def stopped_by(
        self,
        people: Any | None,
        repo: ModelRepo | None,
        revisions: models.QuerySet[Revision] | None,
    ) -> JobQuerySet[M]:
        """Select open jobs that a hold on these people, here, or on these revisions stops.

        Where ``people`` is None, everybody's are.
        """
        jobs = self.open()
        if people is not None:
            jobs = jobs.filter(person__in=people)
        if repo is not None:
            jobs = jobs.filter(repo=repo)
        if revisions is None:
            return jobs
        return jobs.filter(revision__in=revisions.order_by().values("pk"))

    def with_names(self) -> JobQuerySet[M]:
        return self.select_related("repo__namespace", "repo__licence", "revision")

    def usage(
        self,
        day: datetime,
        *,
        tokens: Q,
        waiting_tokens: Q = NOTHING,
        jobs: Q = NOTHING,
    ) -> models.QuerySet[Any, Any]:
        """Count, for each person, what is used of three quotas; each counts jobs that it matches.

        Tokens are those of jobs made since ``day``. Open jobs count with all that they may yet
        use, ended ones with what they used: nothing where no worker ever began. The rows are those
        of ``Usage``.
        """
        today, is_open = Q(created_at__gte=day), Q(state__in=OPEN_STATES)
        used = used_tokens()
        people = self.filter(today | is_open).order_by().values("person")
        return people.annotate(
            tokens=Coalesce(Sum(used, filter=today & tokens), 0),
            waiting_tokens=Coalesce(Sum(used, filter=today & waiting_tokens), 0),
            jobs=Count("pk", filter=is_open & jobs),
        ).values_list(*Usage._fields)

    def own_tokens_by_repo(self, day: datetime) -> dict[int, int]:
        """Add up the tokens since ``day`` of quotas that are one model's alone, by its repo."""
        jobs = self.filter(created_at__gte=day, has_own_tokens=True).order_by().values("repo")
        return dict(jobs.annotate(tokens=Sum(used_tokens())).values_list("repo", "tokens"))

    def lapsed_at(self, now: datetime) -> JobQuerySet[M]:
        """Select jobs whose worker has let its lease run out."""
        return self.filter(state="running", lease_until__lt=now)

    def overdue(self, *, queued_before: datetime, running_before: datetime) -> JobQuerySet[M]:
        """Select queued jobs that were made, and running ones that began, before these times.

        A line of a batch may be queued as long as its batch is open.
        """
        return self.filter(
            models.Q(state="queued", batch=None, created_at__lt=queued_before)
            | models.Q(state="running", started_at__lt=running_before)
        )

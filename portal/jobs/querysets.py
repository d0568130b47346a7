from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models
from django.db.models import Case, F, Sum, When
from django.db.models.functions import Coalesce

if TYPE_CHECKING:
    from portal.accounts.models import User
    from portal.catalog.models import ModelRepo, Revision

OPEN_STATES = ("queued", "running")


M = TypeVar("M", bound=models.Model)


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

    def token_count(self) -> int:
        """Add up the tokens used; open jobs count with all that they may yet use."""
        used = Case(
            When(state__in=OPEN_STATES, then=F("reserved_tokens")),
            default=F("prompt_tokens") + F("completion_tokens"),
        )
        return int(self.aggregate(total=Coalesce(Sum(used), 0))["total"])

    def lapsed_at(self, now: datetime) -> JobQuerySet[M]:
        """Select jobs whose worker has let its lease run out."""
        return self.filter(state="running", lease_until__lt=now)

    def overdue_since(self, limit: datetime) -> JobQuerySet[M]:
        """Select jobs that have been queued, or running, since before ``limit``."""
        return self.filter(
            models.Q(state="queued", created_at__lt=limit)
            | models.Q(state="running", started_at__lt=limit)
        )

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

        ``people`` None: everybody's.
        """
        found = self.open()
        if people is not None:
            found = found.filter(person__in=people)
        if repo is not None:
            found = found.filter(repo=repo)
        if revisions is None:
            return found
        return found.filter(revision__in=revisions.order_by().values("pk"))

    def with_names(self) -> JobQuerySet[M]:
        return self.select_related("repo__namespace", "repo__licence", "revision")

    def token_count(self) -> int:
        """What they used; open ones count with all they may yet use."""
        used = Case(
            When(state__in=OPEN_STATES, then=F("reserved_tokens")),
            default=F("prompt_tokens") + F("completion_tokens"),
        )
        return int(self.aggregate(total=Coalesce(Sum(used), 0))["total"])

    def lapsed_at(self, now: datetime) -> JobQuerySet[M]:
        """Claimed by a worker that has not been heard of since."""
        return self.filter(state="running", lease_until__lt=now)

    def overdue_since(self, limit: datetime) -> JobQuerySet[M]:
        """Queued, or running, since before ``limit``."""
        return self.filter(
            models.Q(state="queued", created_at__lt=limit)
            | models.Q(state="running", started_at__lt=limit)
        )

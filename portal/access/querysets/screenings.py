"""Screenings, by person, repo and whether they are cleared."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models

from portal.access import lifecycle
from portal.catalog.models import ModelRepo

if TYPE_CHECKING:
    from portal.accounts.models import User

M = TypeVar("M", bound=models.Model)


class ScreeningQuerySet(models.QuerySet[M]):
    def of(self, person: User | Any) -> ScreeningQuerySet[M]:
        """Select every screening of this person, whatever led to it."""
        applied = models.Q(submission__request__applicant=person)
        signed = models.Q(grant__person=person) | models.Q(membership__person=person)
        return self.filter(applied | signed)

    def at(self, repo: ModelRepo) -> ScreeningQuerySet[M]:
        applied = models.Q(submission__request__repo=repo)
        signed = models.Q(grant__repo=repo) | models.Q(membership__grant__repo=repo)
        return self.filter(applied | signed)

    def of_rights(self) -> ScreeningQuerySet[M]:
        """Select the screenings of grants and memberships, without those of snapshots."""
        return self.filter(submission=None)

    def in_repos(self, repos: models.QuerySet[ModelRepo]) -> ScreeningQuerySet[M]:
        """Select the screenings of grants and memberships on these repos."""
        member = models.Q(membership__grant__repo__in=repos)
        return self.filter(models.Q(grant__repo__in=repos) | member)

    def open_at(self, now: datetime) -> ScreeningQuerySet[M]:
        """Select uncleared screenings of grants and memberships that aren't over."""
        holder = models.Q(grant__isnull=False) & lifecycle.lasting(now, "grant__")
        member = models.Q(membership__isnull=False, membership__ended_at=None)
        member &= lifecycle.lasting(now, "membership__grant__")
        return self.unanswered().filter(holder | member)

    def unanswered(self) -> ScreeningQuerySet[M]:
        """Select screenings with a hit, or a failure, that nobody has cleared."""
        return self.filter(disposed_at=None).exclude(outcome="clear")

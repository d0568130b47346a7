from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models

from portal.catalog.models import Mode, ModelRepo

if TYPE_CHECKING:
    from portal.accounts.models import User

SUBMITTED = ("in_review", "needs_info", "approved", "declined", "withdrawn")


M = TypeVar("M", bound=models.Model)


class AccessRequestQuerySet(models.QuerySet[M]):
    def of(self, person: User | Any) -> AccessRequestQuerySet[M]:
        return self.filter(applicant=person)

    def open(self) -> AccessRequestQuerySet[M]:
        return self.filter(state__in=("draft", "in_review", "needs_info"))

    def readable_by(self, reviewer: User | Any) -> AccessRequestQuerySet[M]:
        """Submitted requests on repos whose team this person is of, but never their own."""
        repos = ModelRepo.objects.reviewable_by(reviewer)
        return self.filter(repo__in=repos, state__in=SUBMITTED).exclude(applicant=reviewer)

    def decidable_by(self, reviewer: User | Any) -> AccessRequestQuerySet[M]:
        """Those that await a decision which this person may take."""
        return self.readable_by(reviewer).filter(state="in_review")

    def waiting_for(self, reviewer: User | Any) -> AccessRequestQuerySet[M]:
        """The queue: undecided, oldest first, those that await the applicant included."""
        undecided = self.readable_by(reviewer).filter(state__in=("in_review", "needs_info"))
        return undecided.order_by("submitted_at", "pk")


class GrantQuerySet(models.QuerySet[M]):
    def active_at(self, now: datetime) -> GrantQuerySet[M]:
        return self.filter(starts_at__lte=now, expires_at__gt=now, revoked_at=None)

    def to(self, person: User | Any, repo: ModelRepo) -> GrantQuerySet[M]:
        return self.filter(person=person, repo=repo)

    def in_mode(self, mode: Mode) -> GrantQuerySet[M]:
        return self.filter(modes__contains=[mode])

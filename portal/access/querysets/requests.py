"""Requests and questions by person and state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models

from portal.catalog.models import ModelRepo

if TYPE_CHECKING:
    from portal.accounts.models import User

M = TypeVar("M", bound=models.Model)

UNDECIDED = ("held", "in_review", "needs_info")
SUBMITTED = (*UNDECIDED, "approved", "declined", "withdrawn", "lapsed")


class AccessRequestQuerySet(models.QuerySet[M]):
    def of(self, person: User | Any) -> AccessRequestQuerySet[M]:
        return self.filter(applicant=person)

    def open(self) -> AccessRequestQuerySet[M]:
        return self.filter(state__in=("draft", *UNDECIDED))

    def undecided(self) -> AccessRequestQuerySet[M]:
        return self.filter(state__in=UNDECIDED)

    def submitted(self) -> AccessRequestQuerySet[M]:
        return self.filter(state__in=SUBMITTED)

    def readable_by(self, reviewer: User | Any) -> AccessRequestQuerySet[M]:
        """Select submitted requests that a reviewer may read: their teams', never their own.

        Owners also read what was escalated to them.
        """
        team = models.Q(repo__in=ModelRepo.objects.reviewable_by(reviewer))
        owned = models.Q(repo__in=ModelRepo.objects.owned_by(reviewer), escalation_level__gt=0)
        return self.submitted().filter(team | owned).exclude(applicant=reviewer)

    def decidable_by(self, reviewer: User | Any) -> AccessRequestQuerySet[M]:
        """Select requests that await a decision which this person may take."""
        return self.readable_by(reviewer).filter(state="in_review")


class QuestionQuerySet(models.QuerySet[M]):
    def told(self) -> QuestionQuerySet[M]:
        """Leave out undone questions, which were never sent to the applicant."""
        return self.filter(undone_at=None)

    def open(self) -> QuestionQuerySet[M]:
        """Select questions that wait for an answer."""
        return self.told().filter(answered_at=None)

"""Requests and questions by person and state."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models

from portal.catalog.models import ModelRepo

if TYPE_CHECKING:
    from portal.accounts.models import User

M = TypeVar("M", bound=models.Model)

UNDECIDED = ("held", "in_review", "needs_info")
SUBMITTED = (*UNDECIDED, "approved", "declined", "withdrawn", "lapsed")


def overdue(now: datetime) -> models.Q:
    """Match requests past their due date, unless a question pauses the clock."""
    return models.Q(state__in=("held", "in_review"), due_at__lte=now)


def seats_as_guest(person: Any) -> models.QuerySet[Any]:
    """Select the keys of the requests that a person is a guest of."""
    keys: models.QuerySet[Any] = person.guest_cases.filter(ended_at=None).values("request")
    return keys


class AccessRequestQuerySet(models.QuerySet[M]):
    def of(self, person: User | Any) -> AccessRequestQuerySet[M]:
        return self.filter(applicant=person)

    def open(self) -> AccessRequestQuerySet[M]:
        return self.filter(state__in=("draft", *UNDECIDED))

    def shown_in(self, states: Collection[str], now: datetime) -> AccessRequestQuerySet[M]:
        """Select requests that stand in these states for their applicants."""
        settled = models.Q(shown_until=None) | models.Q(shown_until__lte=now)
        return self.filter(
            models.Q(settled, state__in=states) | models.Q(shown_until__gt=now, shown_as__in=states)
        )

    def asking_for(self, repo: ModelRepo) -> AccessRequestQuerySet[M]:
        """Select requests for a repo: its own, and submitted ones of a collection that chose it."""
        return self.asking_for_any([repo.pk])

    def asking_for_any(self, repos: Any) -> AccessRequestQuerySet[M]:
        """Select requests for at least one of these repos, alone or through a collection."""
        from portal.access.models import AccessRequest

        chosen = AccessRequest.chosen.through.objects.filter(
            accessrequest=models.OuterRef("pk"), modelrepo__in=repos
        )
        plain = models.Q(collection=None, repo__in=repos)
        return self.filter(plain | models.Q(models.Exists(chosen)))

    def undecided(self) -> AccessRequestQuerySet[M]:
        return self.filter(state__in=UNDECIDED)

    def overdue_at(self, now: datetime) -> AccessRequestQuerySet[M]:
        return self.filter(overdue(now))

    def submitted(self) -> AccessRequestQuerySet[M]:
        return self.filter(state__in=SUBMITTED)

    def readable_by(self, reviewer: User | Any) -> AccessRequestQuerySet[M]:
        """Select submitted requests that a reviewer may read: their teams', never their own.

        Owners also read what was escalated to them, guests the undecided request they sit at.
        """
        team = models.Q(repo__in=ModelRepo.objects.reviewable_by(reviewer))
        owned = models.Q(repo__in=ModelRepo.objects.owned_by(reviewer), escalation_level__gt=0)
        guest = models.Q(pk__in=seats_as_guest(reviewer), state__in=UNDECIDED)
        return self.submitted().filter(team | owned | guest).exclude(applicant=reviewer)

    def decidable_by(self, reviewer: User | Any) -> AccessRequestQuerySet[M]:
        """Select requests that await a decision which this person may take."""
        return self.readable_by(reviewer).filter(state="in_review")


class QuestionQuerySet(models.QuerySet[M]):
    def standing(self) -> QuestionQuerySet[M]:
        """Leave out undone questions, which were never sent to the applicant."""
        return self.filter(undone_at=None)

    def told(self, now: datetime) -> QuestionQuerySet[M]:
        """Select questions that the applicant knows of: they can't be undone any more."""
        past = models.Q(undo_until=None) | models.Q(undo_until__lte=now)
        return self.standing().filter(past)

    def open(self) -> QuestionQuerySet[M]:
        """Select questions that wait for an answer."""
        return self.standing().filter(answered_at=None)


class DecisionQuerySet(models.QuerySet[M]):
    def standing(self) -> DecisionQuerySet[M]:
        """Leave out undone decisions."""
        return self.filter(undone_at=None)

    def told(self, now: datetime) -> DecisionQuerySet[M]:
        """Select decisions that the applicant knows of: they can't be undone any more."""
        return self.standing().filter(undo_until__lte=now)

"""Results of screening people against the lists, and who cleared them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from portal.access.models.fields import person_field
from portal.access.models.grants import Grant, Membership
from portal.access.models.requests import Submission
from portal.access.querysets import ScreeningQuerySet

if TYPE_CHECKING:
    from portal.accounts.models import User


class Screening(models.Model):
    """The screening of a snapshot, a grant or a membership against the lists of one moment.

    A failure counts as a hit. ``due_at``: when a hit on a grant or a membership is to be cleared;
    one on a snapshot is due with its request.
    """

    class Outcome(models.TextChoices):
        CLEAR = "clear", "Clear"
        HIT = "hit", "A list has something like it"
        FAILED = "failed", "The lists couldn’t be read"

    submission = models.OneToOneField(
        Submission, null=True, on_delete=models.PROTECT, related_name="screening"
    )
    grant = models.ForeignKey(Grant, null=True, on_delete=models.PROTECT, related_name="screenings")
    membership = models.ForeignKey(
        Membership, null=True, on_delete=models.PROTECT, related_name="screenings"
    )
    list_version = models.CharField(max_length=64)
    outcome = models.CharField(max_length=6, choices=Outcome)
    hits = models.JSONField(default=list)
    screened_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    disposed_by = person_field(null=True)
    disposed_at = models.DateTimeField(null=True)
    disposition = models.TextField(blank=True)

    objects = ScreeningQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(disposed_at=None, due_at__isnull=False),
                name="checks_by_due_date",
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="a_disposition_is_somebodys",
                condition=models.Q(disposed_at=None, disposed_by=None)
                | (
                    models.Q(disposed_at__isnull=False, disposed_by__isnull=False)
                    & ~models.Q(disposition="")
                ),
            ),
            models.CheckConstraint(
                name="screens_one_thing",
                condition=models.Q(submission__isnull=False, grant=None, membership=None)
                | models.Q(submission=None, grant__isnull=False, membership=None)
                | models.Q(submission=None, grant=None, membership__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        screened = self.submission or self.grant or self.membership
        return f"{screened}: {self.get_outcome_display()}"

    @property
    def right(self) -> Grant | Membership:
        """Return the grant or membership screened. Raise ValueError for a snapshot's screening."""
        right = self.membership or self.grant
        if right is None:
            raise ValueError("the screening of a snapshot is of no right")
        return right

    @property
    def under(self) -> Grant:
        """Return the grant whose holder or member is screened."""
        right = self.right
        return right.grant if isinstance(right, Membership) else right

    @property
    def person(self) -> User:
        """Return who is screened: a holder, or a member who signed."""
        person = self.right.person
        if person is None:
            raise ValueError("a member who is checked has signed")
        return person

    @property
    def is_clear(self) -> bool:
        """Tell whether there was no hit, or somebody has cleared it."""
        return self.outcome == self.Outcome.CLEAR or self.disposed_at is not None

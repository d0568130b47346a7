"""What became of holding somebody against the screening lists."""

from __future__ import annotations

from django.db import models

from portal.access.models.fields import person_field
from portal.access.models.grants import Membership
from portal.access.models.requests import Submission


class Screening(models.Model):
    """A snapshot, or a member who signed, held against the lists of one moment.

    A failure counts as a hit.
    """

    class Outcome(models.TextChoices):
        CLEAR = "clear", "Clear"
        HIT = "hit", "A list has something like it"
        FAILED = "failed", "The lists couldn’t be read"

    submission = models.OneToOneField(
        Submission, null=True, on_delete=models.PROTECT, related_name="screening"
    )
    membership = models.OneToOneField(
        Membership, null=True, on_delete=models.PROTECT, related_name="screening"
    )
    list_version = models.CharField(max_length=64)
    outcome = models.CharField(max_length=6, choices=Outcome)
    hits = models.JSONField(default=list)
    screened_at = models.DateTimeField()
    disposed_by = person_field(null=True)
    disposed_at = models.DateTimeField(null=True)
    disposition = models.TextField(blank=True)

    class Meta:
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
                name="screens_a_snapshot_or_a_member",
                condition=models.Q(submission__isnull=False, membership=None)
                | models.Q(submission=None, membership__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.submission or self.membership}: {self.get_outcome_display()}"

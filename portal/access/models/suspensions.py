"""The stop of all access in a restored database, until an operator has looked at it."""

from __future__ import annotations

from typing import TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model)


class AccessSuspensionQuerySet(models.QuerySet[M]):
    def standing(self) -> AccessSuspensionQuerySet[M]:
        return self.filter(lifted_at=None)


class AccessSuspension(models.Model):
    """A stop of every use that a grant, a role or a wait gives; what is open to all stays open.

    A restore places it where it can't know what was ended since the backup. Only a command on the
    portal's machine lifts it: the roles in the database may be old ones, too.
    """

    reason = models.TextField()
    placed_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)
    lift_reason = models.TextField(blank=True)

    objects = AccessSuspensionQuerySet.as_manager()

    class Meta:
        ordering = ["-placed_at"]
        constraints = [
            models.CheckConstraint(
                name="a_lift_has_a_reason",
                condition=models.Q(lifted_at=None) | ~models.Q(lift_reason=""),
            )
        ]

    def __str__(self) -> str:
        return f"All access, since {self.placed_at:%Y-%m-%d}"

"""The audit chain: events, each of which holds the hash of the one before it."""

from __future__ import annotations

from typing import NoReturn

from django.conf import settings
from django.db import models


class AuditEvent(models.Model):
    """An event: what happened, to what, by whom. Only ``record`` appends one; none changes."""

    sequence = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    type = models.CharField(max_length=64)  # an EventType; a new one needs no migration
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    target_type = models.CharField(max_length=64)
    target_id = models.CharField(max_length=64)
    data = models.JSONField(default=dict)
    salt = models.CharField(max_length=64, default="", blank=True)  # empty in events of format 1
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["sequence"]
        indexes = [
            models.Index(fields=["target_type", "target_id"]),
            models.Index(fields=["actor", "type", "at"], name="audit_event_by_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.type}"

    def delete(self, *args: object, **kwargs: object) -> NoReturn:
        raise TypeError("An audit event is never deleted.")


class ChainHead(models.Model):
    """The last event of a UTC day with its hash, as it was published; never changed.

    Whoever keeps a copy of it can tell later whether anything before it was altered.
    """

    day = models.DateField(unique=True)
    sequence = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    published_at = models.DateTimeField()

    class Meta:
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"{self.day} {self.sequence} {self.hash}"

    def delete(self, *args: object, **kwargs: object) -> NoReturn:
        raise TypeError("A published head is never deleted.")


class EndingCopy(models.Model):
    """An event that took access away, and how far its copy to the log of endings has come.

    ``line`` is its number there. The row is made with the event, so no copy is forgotten.
    """

    sequence = models.BigIntegerField(primary_key=True)  # of the event
    line = models.PositiveBigIntegerField(null=True)
    copied_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["sequence"],
                condition=models.Q(copied_at=None),
                name="endings_to_copy",
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="a_copied_ending_has_a_line",
                condition=models.Q(line=None, copied_at=None)
                | models.Q(line__isnull=False, copied_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"copy of event {self.sequence}"

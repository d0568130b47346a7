"""Mail to deliver: stored with the change that causes it, sent after commit."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from portal.observability import traces
from portal.observability.request_ids import http_request_id


class OutboxMessage(models.Model):
    """A mail. ``key`` makes queueing it twice harmless; delivery is at least once.

    ``sender`` is the person whose act it tells others of; None where that is the lab.

    ``is_secret``: it holds a link that proves who opens it. Such a mail is for the address alone:
    its text is dropped once sent, and the inbox never shows it.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        SENT = "sent"
        FAILED = "failed"
        CANCELLED = "cancelled"
        BOUNCED = "bounced"

    key = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=40)
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="letters"
    )
    sender = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    address = models.EmailField()
    subject = models.CharField(max_length=500)
    text = models.TextField()
    html = models.TextField(blank=True)
    language = models.CharField(max_length=10, default="en", db_default="en")
    is_secret = models.BooleanField(default=False)
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    # The HTTP request that made the row; in the log it is ``request_id``.
    http_request_id = models.CharField(
        max_length=32, blank=True, default=http_request_id, db_default="", editable=False
    )
    # Its span, where traces are made.
    trace_parent = models.CharField(
        max_length=traces.LENGTH,
        blank=True,
        default=traces.trace_parent,
        db_default="",
        editable=False,
    )
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.TextField(blank=True)
    sent_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["state", "due_at"]),
            models.Index(
                fields=["sender", "created_at"],
                name="outbox_by_sender",
                condition=models.Q(sender__isnull=False),
            ),
            models.Index(Lower("address"), "created_at", name="outbox_by_address"),
        ]
        constraints = [
            models.CheckConstraint(
                name="outbox_sent_has_time",
                condition=~models.Q(state="sent") | models.Q(sent_at__isnull=False),
            ),
            models.CheckConstraint(
                name="outbox_cancelled_has_time",
                condition=~models.Q(state="cancelled") | models.Q(cancelled_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.address}"

    @property
    def arrived_at(self) -> datetime:
        """Return when it reached its reader here: once it was due, which an undo puts off.

        One that can’t be sent is tried again and again, and due each time anew.
        """
        return self.created_at if self.sent_at is None and self.attempts else self.due_at


class BouncedAddress(models.Model):
    """An address that its server refused, until its owner opens a link that was sent to it."""

    address = models.EmailField(unique=True)
    reason = models.CharField(max_length=300)
    at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="bounced_in_lower_case", condition=models.Q(address=Lower("address"))
            )
        ]

    def __str__(self) -> str:
        return self.address


class LetterTemplate(models.Model):
    """A team's own words for one kind of letter. ``scope`` names the team, as in ``repo:12``.

    ``paragraphs`` are separated by empty lines; ``{reference}`` and the like stand for facts.
    """

    scope = models.CharField(max_length=80)
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=200)
    paragraphs = models.TextField()
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_template_each", fields=["scope", "kind"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.scope}"

"""Helpers for tests of reminders: letters, their recipients and delivery, and events."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.access.models import AccessRequest
from portal.access.reminders.tick import tick as whole_tick
from portal.audit.models import AuditEvent
from portal.outbox.models import OutboxMessage
from portal.outbox.services import deliver_due

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def letters(*kinds: str) -> list[OutboxMessage]:
    return list(OutboxMessage.objects.filter(kind__in=kinds).order_by("pk"))


def recipients(kind: str) -> set[str]:
    return {letter.recipient.username for letter in letters(kind) if letter.recipient}


def deliver(now: datetime) -> None:
    deliver_due(now=now, limit=500)


def events(event_type: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(type=event_type))


def fresh(case: AccessRequest) -> AccessRequest:
    return AccessRequest.objects.get(pk=case.pk)


def tick(now: datetime) -> dict[str, int]:
    """Let the clock tick, and count what it did but the team's daily digests."""
    return {name: count for name, count in whole_tick(now).items() if name != "digest"}

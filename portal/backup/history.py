"""Tell when backups were made and found sound, as the record has it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from portal.audit.events import EventType
from portal.audit.models import AuditEvent

OVERDUE_AFTER = timedelta(days=8)
DUE_AFTER = timedelta(hours=23, minutes=30)  # a day, so that an hourly clock meets the same hour


def last_sound_rehearsal() -> datetime | None:
    """Return when a backup was last found sound; None where none was."""
    return _last(EventType.BACKUP_REHEARSED, data__is_sound=True)


def last_backup() -> datetime | None:
    return _last(EventType.BACKUP_MADE)


def is_due(now: datetime) -> bool:
    """Tell whether the newest backup is a day old, or there is none."""
    last = last_backup()
    return last is None or last < now - DUE_AFTER


def _last(event_type: EventType, **more: Any) -> datetime | None:
    # Nobody in person acts in these, which is how an index finds them.
    events = AuditEvent.objects.filter(actor=None, type=event_type, **more).order_by("-at")
    at: datetime | None = events.values_list("at", flat=True).first()
    return at


def is_overdue(now: datetime) -> bool:
    """Tell whether no backup was found sound in the last week, with a day to spare."""
    last = last_sound_rehearsal()
    return last is None or last < now - OVERDUE_AFTER

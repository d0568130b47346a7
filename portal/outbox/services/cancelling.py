"""Taking back what has not gone out."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from portal.outbox.models import OutboxMessage

State = OutboxMessage.State


@transaction.atomic
def cancel_mail(*, now: datetime, keys: Collection[str] = (), key_prefix: str = "") -> int:
    """Cancel those still queued among ``keys`` and under ``key_prefix``; how many were.

    It waits for a worker that has one in its hands, and then leaves that one as sent. A cancelled
    key stays taken: queueing it again sends nothing. Cancelling again changes nothing.
    """
    if not keys and not key_prefix:
        raise ValueError("Name the mails to cancel: keys, or the beginning that they share.")
    meant = Q(key__in=keys)
    if key_prefix:
        meant |= Q(key__startswith=key_prefix)
    queued = OutboxMessage.objects.filter(meant, state=State.QUEUED)
    return queued.update(state=State.CANCELLED, cancelled_at=now)

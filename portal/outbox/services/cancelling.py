"""Cancel mail that has not gone out."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from portal.outbox.models import OutboxMessage

State = OutboxMessage.State


@transaction.atomic
def cancel_mail(*, now: datetime, keys: Collection[str] = (), key_prefix: str = "") -> int:
    """Cancel queued mails by ``keys`` or by what their keys begin with; return how many.

    The update waits for a worker that is sending one, and then leaves that one as sent. A cancelled
    key stays taken: queueing it again sends nothing. Cancelling again changes nothing.
    """
    if not keys and not key_prefix:
        raise ValueError("Name the mails to cancel: keys, or the beginning that they share.")
    chosen = Q(key__in=keys)
    if key_prefix:
        chosen |= Q(key__startswith=key_prefix)
    queued = OutboxMessage.objects.filter(chosen, state=State.QUEUED)
    return queued.update(state=State.CANCELLED, cancelled_at=now)

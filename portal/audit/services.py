"""Append events to the chain."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import InternalError, OperationalError, ProgrammingError, connection, models

from portal.audit.endings import queue_copy
from portal.audit.errors import RecordUnavailable
from portal.audit.events import EventType
from portal.audit.hashing import event_hash, new_salt
from portal.audit.metering import require_rate
from portal.audit.models import AuditEvent

log = logging.getLogger(__name__)
GENESIS = "0" * 64
# The table is missing, full, locked for long or read-only, or a trigger or privilege forbids it.
REFUSALS = (OperationalError, ProgrammingError, InternalError)
CHAIN_LOCK = 0x77_67_61_75  # one appender at a time, in every process of the installation

# A lock of the head's row wouldn't do: whoever waits for it would go on with that row, which is the
# head no more. So the lock comes first, and the head is read under it, as PostgreSQL sees the table
# when the second statement begins. Both go in one round trip, as all others wait meanwhile.
LOCK_AND_READ_HEAD = """
SELECT pg_advisory_xact_lock(%s);
SELECT sequence, hash FROM audit_auditevent ORDER BY sequence DESC LIMIT 1
"""


def record(
    event_type: EventType,
    *,
    actor: AbstractBaseUser | AnonymousUser | None,
    target: models.Model,
    at: datetime,
    **data: Any,
) -> AuditEvent:
    """Append one event; the last act of a service, inside its transaction.

    ``data`` holds plain JSON values and never a secret; people other than the one whom the event is
    about are named under the keys of ``hashing.NAMING`` alone. The chain's lock is held until the
    transaction ends, so a change and its event stand or fall together. Raises RecordUnavailable
    when the database refuses the event, and TooManyEvents past what ``metering`` allows the actor;
    never catch them inside the transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("audit.record belongs inside the transaction of the change it records.")
    actor_id = actor.pk if actor is not None and actor.pk else None
    event = AuditEvent(
        at=at,
        type=event_type,
        actor_id=actor_id,
        target_type=target._meta.label_lower,
        target_id=str(target.pk),
        data=data,
        salt=new_salt(),
    )
    try:
        require_rate(event_type, actor_id, at)
        _append(event)
        queue_copy(event)
    except REFUSALS as error:
        log.critical("The record takes no event, so nothing is done: %s", error)
        raise RecordUnavailable from error
    return event


def _append(event: AuditEvent) -> None:
    """Lock the chain, take the next place, write."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_AND_READ_HEAD, [CHAIN_LOCK])
        cursor.nextset()
        head = cursor.fetchone()
    sequence, event.previous_hash = head or (0, GENESIS)
    event.sequence = sequence + 1
    event.hash = event_hash(event)
    event.save(force_insert=True)

"""Appending to the chain, and checking it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import connection, models, transaction

from portal.audit.events import EventType
from portal.audit.models import AuditEvent

GENESIS = "0" * 64
CHAIN_LOCK = 0x77_67_61_75  # one appender at a time, in every process of the installation


@dataclass(frozen=True)
class Fault:
    """The first event that does not agree with the chain, and how."""

    sequence: int
    reason: str


def event_hash(event: AuditEvent) -> str:
    """sha256 over the event and its predecessor's hash, as canonical JSON."""
    content = {
        "sequence": event.sequence,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "type": str(event.type),
        "actor": event.actor_id,
        "target": [event.target_type, event.target_id],
        "data": event.data,
        "previous": event.previous_hash,
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def record(
    event_type: EventType,
    *,
    actor: AbstractBaseUser | AnonymousUser | None,
    target: models.Model,
    at: datetime,
    **data: Any,
) -> AuditEvent:
    """Append one event; the last act of a service, inside its transaction.

    ``data`` holds plain JSON values and never a secret. The chain's lock is held until the
    transaction ends, so a change and its event stand or fall together.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("audit.record belongs inside the transaction of the change it records.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHAIN_LOCK])
    head = AuditEvent.objects.order_by("-sequence").values_list("sequence", "hash").first()
    sequence, previous_hash = head or (0, GENESIS)
    event = AuditEvent(
        sequence=sequence + 1,
        at=at,
        type=event_type,
        actor_id=actor.pk if actor is not None and actor.pk else None,
        target_type=target._meta.label_lower,
        target_id=str(target.pk),
        data=data,
        previous_hash=previous_hash,
    )
    event.hash = event_hash(event)
    event.save(force_insert=True)
    return event


def _faults(events: Iterator[AuditEvent]) -> Iterator[Fault]:
    expected_sequence, previous_hash = 1, GENESIS
    for event in events:
        if event.sequence != expected_sequence:
            yield Fault(expected_sequence, f"missing: the chain goes on at {event.sequence}")
        elif event.previous_hash != previous_hash:
            yield Fault(event.sequence, "its link to the event before it is broken")
        elif event_hash(event) != event.hash:
            yield Fault(event.sequence, "its content does not match its hash")
        expected_sequence, previous_hash = event.sequence + 1, event.hash


def verify_chain() -> tuple[int, Fault | None]:
    """How many events there are, and the first fault in sequence order, if any."""
    with transaction.atomic():
        fault = next(_faults(AuditEvent.objects.order_by("sequence").iterator(2000)), None)
        return AuditEvent.objects.count(), fault

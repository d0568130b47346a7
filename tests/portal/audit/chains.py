"""Build audit chains, and tamper with them as somebody with the database could."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models, transaction

from portal.audit.events import EventType
from portal.audit.hashing import event_hash
from portal.audit.models import AuditEvent
from portal.audit.services import GENESIS, record

ELSEWHERE = 10_000  # where a row waits while others take its place


def append(target: models.Model, *times: datetime) -> list[AuditEvent]:
    with transaction.atomic():
        return [
            record(EventType.LINK_MINTED, actor=target, target=target, at=at, number=number)
            for number, at in enumerate(times)
        ]


def change(place: int, /, **columns: Any) -> None:
    assert AuditEvent.objects.filter(sequence=place).update(**columns) == 1


def delete(*sequences: int) -> None:
    AuditEvent.objects.filter(sequence__in=sequences)._raw_delete("default")


def insert_before(sequence: int) -> None:
    """Insert a forged event; those after it move up by one."""
    rows = list(AuditEvent.objects.filter(sequence__gte=sequence))
    delete(*(row.sequence for row in rows))
    forged = AuditEvent(
        **{field.attname: getattr(rows[0], field.attname) for field in rows[0]._meta.fields}
    )
    forged.data = {"forged": True}
    forged.hash = event_hash(forged)
    for row in rows:
        row.sequence += 1
    AuditEvent.objects.bulk_create([forged, *rows])


def swap(first: int, second: int) -> None:
    change(first, sequence=ELSEWHERE)
    change(second, sequence=first)
    change(ELSEWHERE, sequence=second)


def rebuild_from(sequence: int) -> None:
    """Recompute every hash from here on, as somebody with the code and the database could."""
    before = AuditEvent.objects.filter(sequence=sequence - 1).first()
    previous = before.hash if before else GENESIS
    for event in AuditEvent.objects.filter(sequence__gte=sequence):
        event.previous_hash = previous
        event.hash = previous = event_hash(event)
        event.save()

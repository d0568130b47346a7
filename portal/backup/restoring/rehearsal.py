"""Rehearse a restore: load the newest backup beside the portal's database, check and drop it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.audit.services import record
from portal.backup.errors import BackupFailed
from portal.backup.places import Place, newest_at
from portal.backup.restoring.checking import check_database, require_known_migrations
from portal.backup.restoring.source import BackupSource, load, verify_source
from portal.backup.restoring.staging import connected_to, staging_database


@dataclass(frozen=True)
class Rehearsal:
    """The result of a rehearsal. ``problem`` is "" where the backup can be restored."""

    name: str
    seconds: float
    events: int
    problem: str = ""


def rehearse_restore(
    place: Place, identities: Sequence[Any], *, now: datetime, name: str = ""
) -> Rehearsal:
    """Restore a backup, else the newest, into a database that is dropped again; record the result.

    The record of the portal has to hold the head of the backup as well.
    """
    begun = time.monotonic()
    events, problem = 0, ""
    try:
        name = name or newest_at(place)
        events = _rehearse(BackupSource(place, name, identities))
    except BackupFailed as error:
        problem = error.message
    rehearsal = Rehearsal(name, round(time.monotonic() - begun, 1), events, problem)
    _record(rehearsal, now)
    return rehearsal


def _rehearse(source: BackupSource) -> int:
    manifest = verify_source(source).manifest
    require_known_migrations(manifest)
    sequence, digest = manifest.head
    if sequence and not AuditEvent.objects.filter(sequence=sequence, hash=digest).exists():
        raise BackupFailed(f"The record here has another event {sequence} than the backup.")
    with staging_database() as database:
        load(source, database)
        with connected_to(database):
            check_database(manifest)
    return sequence


@transaction.atomic
def _record(rehearsal: Rehearsal, now: datetime) -> None:
    record(
        EventType.BACKUP_REHEARSED,
        actor=None,
        target=ContentType.objects.get_for_model(AuditEvent),
        at=now,
        name=rehearsal.name,
        seconds=rehearsal.seconds,
        is_sound=not rehearsal.problem,
        problem=rehearsal.problem[:500],
    )

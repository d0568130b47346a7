"""Restore a backup, so that no access comes back that was ended since."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.audit.services import record
from portal.backup import rights
from portal.backup.endings.logs import endings_log
from portal.backup.errors import BackupFailed
from portal.backup.manifest import BackupManifest
from portal.backup.restoring.applying import Applied, bring_nothing_back
from portal.backup.restoring.checking import (
    MissingBlobs,
    check_database,
    keys_to_put_back,
    missing_blobs,
    require_known_migrations,
)
from portal.backup.restoring.log_reading import Since, endings_since
from portal.backup.restoring.source import BackupSource, load, verify_source
from portal.backup.restoring.staging import (
    connected_to,
    portal_database,
    require_unused,
    staging_database,
    tables_there,
    take_into_use,
)
from portal.jobs.batches.restoring import end_restored_batches
from portal.jobs.services.ending import end_restored_jobs

Progress = Callable[[str], object]
MOST_ON_RECORD = 100


@dataclass(frozen=True)
class Restored:
    """The result of a restore. ``old_database`` is the name by which what was there is kept."""

    manifest: BackupManifest
    since: Since
    applied: Applied
    missing_blobs: MissingBlobs
    keys_to_put_back: Sequence[str] = field(default_factory=list)
    old_database: str = ""
    rights_left: rights.RightsLeft = field(default_factory=rights.RightsLeft)


def restore(
    source: BackupSource, *, replace: bool, now: datetime, progress: Progress = lambda step: None
) -> Restored:
    """Restore a backup into the portal's database, which is empty unless ``replace``.

    All happens in a database beside it, which takes its place at the end. Until then nothing is
    changed, whatever fails; then it is raised as BackupFailed.
    """
    _require_room(replace=replace)
    require_unused()
    progress("Reading the backup to its end")
    verified = verify_source(source)
    manifest = verified.manifest
    require_known_migrations(manifest)
    with staging_database() as name:
        progress("Loading the database")
        load(source, name)
        with connected_to(name):
            left = rights.give(verified.rights)  # before a migration makes tables
            progress("Checking the record")
            check_database(manifest)
            progress("Repeating what was ended since")
            since = endings_since(manifest, endings_log(), now)
            applied = bring_nothing_back(since, now)
            end_restored_jobs(now)
            end_restored_batches(now)
            _record(source, manifest, since, applied, now)
            progress("Looking for the blobs")
            missing = missing_blobs()
        old = take_into_use(name, now, keep_old=replace)
    keys = keys_to_put_back(verified.key_hashes)
    return Restored(manifest, since, applied, missing, keys, old, left)


def _require_room(*, replace: bool) -> None:
    tables = tables_there()
    if tables and not replace:
        raise BackupFailed(
            f"The database {portal_database()} isn’t empty: it has {tables} tables. Name an empty "
            "one in DATABASE_URL, or say --replace."
        )


@transaction.atomic
def _record(
    source: BackupSource, manifest: BackupManifest, since: Since, applied: Applied, now: datetime
) -> None:
    facts: dict[str, Any] = {
        "name": source.name,
        "made_at": manifest.made_at,
        "head": list(manifest.head),
        "log_reaches_to": since.reaches_to.isoformat() if since.reaches_to else None,
        "repeated": len(applied.repeated),
        "failed": applied.failed[:MOST_ON_RECORD],
        "suspended": bool(applied.suspended),
    }
    target = ContentType.objects.get_for_model(AuditEvent)
    record(EventType.BACKUP_RESTORED, actor=None, target=target, at=now, **facts)

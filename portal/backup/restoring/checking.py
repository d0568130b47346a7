"""Check a restored database against its manifest, and the store and keys against both."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from portal.audit.checking import verify_chain
from portal.backup.errors import BackupFailed
from portal.backup.making.contents import KEY_FILES
from portal.backup.manifest import BackupManifest, counts
from portal.backup.places import bucket_errors
from portal.catalog.models import Blob
from portal.storage import BlobMissing, blob_store

MOST_NAMED = 20


def require_known_migrations(manifest: BackupManifest) -> None:
    """Raise BackupFailed for a backup of a later version of the portal."""
    known = {f"{app}.{name}" for app, name in MigrationExecutor(None).loader.disk_migrations}
    replaced = {
        f"{app}.{name}"
        for migration in MigrationExecutor(None).loader.disk_migrations.values()
        for app, name in migration.replaces
    }
    if unknown := sorted(set(manifest.migrations) - known - replaced):
        raise BackupFailed(
            f"A later version of the portal ({manifest.version}) made this backup: {unknown[0]} "
            "isn’t known here. Restore it with that version."
        )


def check_database(manifest: BackupManifest) -> None:
    """Bring a restored database up to date, and compare it with its manifest.

    Raise BackupFailed where a count, the head or the chain is another.
    """
    executor = MigrationExecutor(connection)
    is_older = bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if is_older:
        _bring_up_to_date()
    else:
        _compare_counts(manifest)
    report = verify_chain()
    if report.fault:
        raise BackupFailed(
            f"The record in the backup is broken at event {report.fault.sequence}: "
            f"{report.fault.reason}."
        )
    if (report.events, report.head) != manifest.head:
        raise BackupFailed("The record in the backup ends with another event than it says.")


def _bring_up_to_date() -> None:
    try:
        call_command("migrate", interactive=False, verbosity=0)
    except (CommandError, DatabaseError) as error:
        raise BackupFailed(f"The backup can’t be brought up to date: {error}") from error


def _compare_counts(manifest: BackupManifest) -> None:
    now_there = counts()
    for label, count in manifest.counts.items():
        if now_there.get(label) != count:
            raise BackupFailed(
                f"The backup says that it has {count} rows of {label}, and {now_there.get(label)} "
                "came back."
            )


@dataclass(frozen=True)
class MissingBlobs:
    """The blobs that the store hasn't, or has with another size: their number, and the first."""

    count: int
    first: list[str]


def missing_blobs() -> MissingBlobs:
    """Ask the store for each blob of the database. Raise BackupFailed where it can't be asked."""
    count = 0
    first: list[str] = []
    with bucket_errors("the blobs"):
        for sha256 in _not_there():
            count += 1
            if len(first) < MOST_NAMED:
                first.append(sha256)
    return MissingBlobs(count, first)


def _not_there() -> Iterator[str]:
    store = blob_store()
    rows = Blob.objects.order_by("sha256").values_list("sha256", "size_bytes")
    for sha256, size_bytes in rows.iterator(2000):
        try:
            is_there = store.size_bytes(sha256) == size_bytes
        except BlobMissing:
            is_there = False
        if not is_there:
            yield sha256


def keys_to_put_back(key_hashes: dict[str, str]) -> list[str]:
    """List the keys of a backup that are missing on this machine, or other ones."""
    return [
        name
        for name, setting in KEY_FILES.items()
        if (expected := key_hashes.get(f"keys/{name}"))
        and _hash_of(getattr(settings, setting)) != expected
    ]


def _hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""

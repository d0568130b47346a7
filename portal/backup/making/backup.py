"""Make a backup: one stream, encrypted, whose parts are all of one moment."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.audit.services import record
from portal.backup import rights
from portal.backup.endings.copying import copy_endings
from portal.backup.errors import BackupFailed
from portal.backup.making.contents import blob_lines, database_dump, secret_files, snapshot
from portal.backup.making.rows import WITHOUT_TEXTS, part_of, rows_of
from portal.backup.manifest import BackupManifest, manifest_of
from portal.backup.places import Place, name_of_backup
from portal.backup.stream.archive import MANIFEST, Packing, PiecesReader
from portal.backup.stream.encryption import encrypt, recipients_of

log = logging.getLogger(__name__)
Progress = Callable[[int], object]
NO_RECIPIENT = (
    "A backup holds the signing keys, the settings and all personal data. Name the age key that "
    "it is encrypted for, with --recipient or WEIGHTGATE_BACKUP_RECIPIENTS (`age-keygen` makes "
    "one), or say --unencrypted."
)


@dataclass(frozen=True)
class Made:
    """A backup that was made, or only tried: its name, size as written, and manifest."""

    name: str
    size_bytes: int
    manifest: BackupManifest


def make_backup(
    place: Place,
    *,
    recipients: Sequence[str],
    unencrypted: bool = False,
    dry_run: bool = False,
    now: datetime,
    progress: Progress = lambda size: None,
) -> Made:
    """Write a backup to a place, or with ``dry_run`` to nowhere, and record it.

    Nothing is there where it fails. Without a recipient it is refused unless ``unencrypted``.
    """
    if not recipients and not unencrypted:
        raise BackupFailed(NO_RECIPIENT)
    keys = recipients_of([] if unencrypted else recipients)
    if dry_run:
        place.require_usable()
    name = name_of_backup(now, encrypted=bool(keys))
    with _writing(place, name, dry_run=dry_run) as file:
        target = _CountingFile(file, progress)
        manifest = _write(target, keys, now)
    made = Made(name, target.size_bytes, manifest)
    if not dry_run:
        _record(made, now)
        _mark_log(now)
    return made


def _writing(place: Place, name: str, *, dry_run: bool) -> AbstractContextManager[Any]:
    return nullcontext(_Nowhere()) if dry_run else place.writing(name)


def _write(target: _CountingFile, keys: Sequence[Any], now: datetime) -> BackupManifest:
    with snapshot() as snapshot_name:
        files = secret_files()
        manifest = manifest_of(now, sorted(files))
        pieces = _pieces(Packing(now), manifest, files, snapshot_name)
        if keys:
            _encrypt(pieces, target, keys)
        else:
            for piece in pieces:
                target.write(piece)
    return manifest


def _encrypt(pieces: Iterator[bytes], target: _CountingFile, keys: Sequence[Any]) -> None:
    """Encrypt as the pieces come; age wraps the errors of its source, so they are kept beside."""
    faults: list[Exception] = []

    def watched() -> Iterator[bytes]:
        try:
            yield from pieces
        except Exception as error:
            faults.append(error)
            raise

    try:
        encrypt(PiecesReader(watched()), target, keys)
    except Exception as error:
        raise (faults[0] if faults else error) from error


def _pieces(
    packing: Packing, manifest: BackupManifest, files: dict[str, bytes], snapshot_name: str
) -> Iterator[bytes]:
    yield from packing.part(MANIFEST, [json.dumps(manifest.as_json()).encode()])
    for name, content in sorted(files.items()):
        yield from packing.part(name, [content])
    yield from packing.part("blobs", blob_lines())
    yield from packing.part(rights.PART, rights.written(rights.rights_of_others()))
    for table in WITHOUT_TEXTS:
        yield from packing.part(part_of(table), rows_of(table))
    yield from packing.part("database", database_dump(snapshot_name))
    yield from packing.end()


@transaction.atomic
def _record(made: Made, now: datetime) -> None:
    sequence, digest = made.manifest.head
    record(
        EventType.BACKUP_MADE,
        actor=None,
        target=ContentType.objects.get_for_model(AuditEvent),
        at=now,
        name=made.name,
        size_bytes=made.size_bytes,
        head=[sequence, digest],
    )


def _mark_log(now: datetime) -> None:
    """Bring the log of endings up to the backup, so that a restore sees that it reaches so far."""
    try:
        copy_endings(now=now, mark_after=timedelta(0))
    except Exception:
        log.exception("The backup is made, and the log of endings takes no line")


class _CountingFile:
    """A file to write to that counts its bytes."""

    def __init__(self, file: Any, progress: Progress) -> None:
        self.size_bytes = 0
        self._file, self._progress = file, progress

    def write(self, content: bytes) -> int:
        self._file.write(content)
        self.size_bytes += len(content)
        self._progress(self.size_bytes)
        return len(content)

    def flush(self) -> None:
        self._file.flush()


class _Nowhere:
    """A file that keeps nothing of what is written."""

    def write(self, content: bytes) -> int:
        return len(content)

    def flush(self) -> None:
        """Keep nothing."""

"""The manifest of a backup: when it was made, of what state, and how much is in it."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib import metadata
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Max, Sum

from portal.audit.models import AuditEvent, EndingCopy
from portal.backup.errors import BackupFailed
from portal.backup.server import server_version
from portal.catalog.models import Blob
from portal.jobs.models import (
    BatchLine,
    CapturedBlob,
    CaptureFile,
    CaptureShard,
    StoredFile,
    StoredPart,
)

FORMAT = 2  # since jobs come without their texts, in a part of their own
READABLE = (1, FORMAT)
# Tables whose rows aren't backed up: who was signed in signs in again, and prompts aren't kept.
LEFT_OUT = (
    *(Session, StoredFile, StoredPart, BatchLine),
    *(CapturedBlob, CaptureFile, CaptureShard),
)


@dataclass(frozen=True)
class BackupManifest:
    """The state that a backup holds. ``head``: the number and hash of the last audit event.

    ``endings_line``: the last line of the log of endings that this state had copied.
    """

    format: int
    version: str
    made_at: str
    server: int
    head: tuple[int, str]
    endings_line: int
    migrations: list[str]
    counts: dict[str, int]
    blob_bytes: int
    files: list[str]

    @property
    def made(self) -> datetime:
        return datetime.fromisoformat(self.made_at)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def read_manifest(content: Any) -> BackupManifest:
    """Return the manifest of a backup. Raise BackupFailed for one of a later version."""
    try:
        manifest = BackupManifest(**content)
    except TypeError:
        manifest = None
    if manifest is None or manifest.format not in READABLE:
        raise BackupFailed("Another version made this backup. Restore it with that version.")
    return manifest


def manifest_of(now: datetime, files: list[str]) -> BackupManifest:
    """Describe the database as the transaction at hand sees it."""
    head = AuditEvent.objects.order_by("-sequence").values_list("sequence", "hash").first()
    copied = EndingCopy.objects.aggregate(line=Max("line"))["line"]
    blob_bytes = Blob.objects.aggregate(total=Sum("size_bytes"))["total"]
    return BackupManifest(
        format=FORMAT,
        version=version(),
        made_at=now.isoformat(),
        server=server_version(),
        head=head or (0, ""),
        endings_line=copied or 0,
        migrations=applied_migrations(),
        counts=counts(),
        blob_bytes=int(blob_bytes or 0),
        files=files,
    )


def version() -> str:
    """Return the portal's version: of the wheel that is installed, or of the folder it runs in."""
    if settings.IS_WHEEL:
        return metadata.version("weightgate")
    with (settings.BASE_DIR / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def applied_migrations() -> list[str]:
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in applied)


def counts() -> dict[str, int]:
    """Count the rows of every table that is backed up."""
    models = (model for model in apps.get_models() if model not in LEFT_OUT)
    return {
        model._meta.label_lower: model._base_manager.count()
        for model in models
        if model._meta.managed
    }

"""Read the contents of a backup as streams of bytes, all of one moment."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from portal import env, env_file
from portal.backup.errors import BackupFailed
from portal.backup.making.rows import WITHOUT_TEXTS
from portal.backup.manifest import LEFT_OUT
from portal.backup.programs import require_success, start
from portal.catalog.models import Blob

READ_BYTES = 1 << 20
BACKUP_LOCK = 0x77_67_62_6B  # one backup at a time, in every process of the installation
KEY_FILES = {
    "signing-key.pem": "SIGNING_KEY_FILE",
    "signing-certificate.pem": "SIGNING_CERT_FILE",
    "manifest-key.pem": "MANIFEST_KEY_FILE",
}


def secret_files() -> dict[str, bytes]:
    """Return the signing keys, the settings in force and the environment file, by their names."""
    files = {f"keys/{name}": getattr(settings, setting) for name, setting in KEY_FILES.items()}
    contents = {name: path.read_bytes() for name, path in files.items() if path.exists()}
    contents["settings.env"] = env_file.written(env.in_force()).encode()
    if file := env.file_in_force():
        contents["weightgate.env"] = _readable(file)
    return contents


def _readable(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BackupFailed(f"{path} can’t be read: {error.strerror}.") from error


@contextmanager
def snapshot() -> Iterator[str]:
    """Yield the name of a snapshot, which this transaction and pg_dump both see.

    Raise BackupFailed while another backup is being made.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [BACKUP_LOCK])
        if not cursor.fetchone()[0]:
            raise BackupFailed("Another backup is being made. Wait for it.")
        cursor.execute("SELECT pg_export_snapshot()")
        yield str(cursor.fetchone()[0])


def blob_lines() -> Iterator[bytes]:
    """Yield a line of JSON for each blob: its sha256, size and key in the store."""
    rows = Blob.objects.order_by("sha256").values_list("sha256", "size_bytes")
    for sha256, size_bytes in rows.iterator(2000):
        key = f"{sha256[:2]}/{sha256[2:4]}/{sha256}"
        line = {"sha256": sha256, "size_bytes": size_bytes, "key": key}
        yield json.dumps(line).encode() + b"\n"


def database_dump(snapshot_name: str) -> Iterator[bytes]:
    """Yield what pg_dump writes. Raise BackupFailed with its words where it fails."""
    tables = [*(model._meta.db_table for model in LEFT_OUT), *WITHOUT_TEXTS]
    left_out = [f"--exclude-table-data={table}" for table in tables]
    with tempfile.TemporaryFile() as errors:
        dump = start(
            "pg_dump",
            "--format=custom",
            "--no-owner",
            "--no-privileges",
            f"--snapshot={snapshot_name}",
            *left_out,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        try:
            assert dump.stdout is not None  # noqa: S101 (a pipe was asked for)
            while piece := dump.stdout.read(READ_BYTES):
                yield piece
            require_success(dump, errors, "pg_dump failed")
        finally:
            dump.kill()
            dump.wait()

"""Read a backup: verify all of it first, then load it. It is read several times, held nowhere."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, dropwhile, takewhile
from typing import Any

from portal.backup import rights
from portal.backup.errors import BackupFailed
from portal.backup.making.rows import WITHOUT_TEXTS, load_rows, part_of
from portal.backup.manifest import BackupManifest, read_manifest
from portal.backup.places import Place
from portal.backup.programs import require_success, start
from portal.backup.restoring.staging import connected_to
from portal.backup.stream.archive import MANIFEST, unpacked
from portal.backup.stream.encryption import opened_stream

Progress = Callable[[str], object]
LARGEST_FILE = 16 << 20  # of keys and settings


@dataclass(frozen=True)
class BackupSource:
    """A backup at a place, with the keys that open it."""

    place: Place
    name: str
    identities: Sequence[Any]

    def parts(self) -> Iterator[tuple[str, bytes]]:
        with (
            self.place.reading(self.name) as file,
            opened_stream(file, self.identities) as stream,
        ):
            yield from unpacked(stream)


@dataclass(frozen=True)
class Verified:
    """A backup that was read to its end: its manifest, hashes of its keys, rights of roles."""

    manifest: BackupManifest
    key_hashes: dict[str, str]
    rights: list[rights.DatabaseRight] = field(default_factory=list)


def verify_source(source: BackupSource) -> Verified:
    """Read a backup to its end. Raise BackupFailed for one that is altered, cut or another's."""
    manifest, of_roles = b"", b""
    digests: dict[str, Any] = {}
    for name, piece in source.parts():
        if name == MANIFEST:
            manifest += piece
        elif name == rights.PART:  # earlier versions wrote none
            of_roles += piece
        elif name.startswith("keys/"):
            digests.setdefault(name, hashlib.sha256()).update(piece)
    if not manifest:
        raise BackupFailed("This is no backup of Weightgate.")
    content = json.loads(manifest)
    content["head"] = tuple(content.get("head", ()))
    hashes = {name: digest.hexdigest() for name, digest in digests.items()}
    return Verified(read_manifest(content), hashes, rights.read(of_roles))


def files_of(source: BackupSource) -> dict[str, bytes]:
    """Return the keys and settings of a backup, which is read to its end."""
    files: dict[str, bytes] = {}
    for name, piece in source.parts():
        if name.startswith("keys/") or name.endswith(".env"):
            files[name] = files.get(name, b"") + piece
            if len(files[name]) > LARGEST_FILE:
                raise BackupFailed(f"{name} in the backup is larger than such a file is.")
    return files


def load(source: BackupSource, database: str) -> None:
    """Load the database of a backup into an empty one.

    Rows without texts come before the constraints, which rows of other tables would violate.
    """
    _restore(source, database, "pre-data", "data")
    with connected_to(database):
        for table in WITHOUT_TEXTS:
            _load_rows(source, table)
    _restore(source, database, "post-data")


def _load_rows(source: BackupSource, table: str) -> None:
    """Load a table's part. Earlier versions wrote none: there the rows came with the others."""
    from_there = dropwhile(lambda part: part[0] != part_of(table), source.parts())
    pieces = (piece for _, piece in takewhile(lambda part: part[0] == part_of(table), from_there))
    first = next(pieces, None)
    if first is not None:
        load_rows(table, chain((first,), pieces))


def _restore(source: BackupSource, database: str, *sections: str) -> None:
    """Let pg_restore load sections of the dump, in one transaction."""
    with tempfile.TemporaryFile() as errors:
        restoring = start(
            "pg_restore",
            "--single-transaction",
            "--exit-on-error",
            "--no-owner",
            "--no-privileges",
            *(f"--section={section}" for section in sections),
            f"--dbname={database}",
            database=database,
            stdin=subprocess.PIPE,
            stderr=errors,
        )
        try:
            _feed(restoring, source)
            require_success(restoring, errors, "pg_restore failed, and nothing was changed")
        finally:
            restoring.kill()
            restoring.wait()


def _feed(restoring: subprocess.Popen[bytes], source: BackupSource) -> None:
    """Write the dump to pg_restore; where it ended early, its own words say why."""
    assert restoring.stdin is not None  # noqa: S101 (a pipe was asked for)
    with suppress(BrokenPipeError):
        for name, piece in source.parts():
            if name == "database":
                restoring.stdin.write(piece)
        restoring.stdin.close()

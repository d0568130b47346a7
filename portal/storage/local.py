"""A blob store in a folder: ``ab/cd/<sha256>``."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from portal.storage.base import CHUNK_BYTES, SHA256, BlobMissing, CorruptBlob, Stored
from portal.storage.incoming import FOLDER

MOST_MOVES = 5


class LocalBlobStore:
    readings = 1
    keeps_here = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def incoming_folder(self) -> Path:
        return self.folder / FOLDER

    def _path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256[2:4] / sha256

    def _existing(self, sha256: str) -> Path:
        path = self._path(sha256)
        if not path.is_file():
            raise BlobMissing(sha256)
        return path

    def put(self, source: Path, sha256: str) -> None:
        if self.has(sha256):
            return
        with source.open("rb") as content:
            self.put_stream(content, sha256)

    def put_stream(self, content: BinaryIO, sha256: str) -> None:
        if not self.has(sha256):
            self._take(content, expected=sha256)

    def add(self, content: BinaryIO) -> str:
        return self._take(content, expected=None)

    def _take(self, content: BinaryIO, *, expected: str | None) -> str:
        """Write a blob to a temporary file and rename it when whole: a crash leaves no half."""
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self.folder, prefix=".incoming-")
        partial = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as out:
                sha256 = _copy(content, out)
                out.flush()
                os.fsync(out.fileno())
            if expected is not None and sha256 != expected:
                raise CorruptBlob(f"expected {expected}, got {sha256}")
            self._settle(partial, self._path(sha256))
        finally:
            partial.unlink(missing_ok=True)
        return sha256

    def _settle(self, partial: Path, target: Path) -> None:
        if not target.is_file():
            _move(partial, target)

    def adopt(self, source: Path, sha256: str) -> None:
        """Make a file a blob by renaming it within the file system, once its hash was verified."""
        _move(source, self._path(sha256))

    def has(self, sha256: str) -> bool:
        return self._path(sha256).is_file()

    def size_bytes(self, sha256: str) -> int:
        return self._existing(sha256).stat().st_size

    def open(self, sha256: str) -> BinaryIO:
        return self._existing(sha256).open("rb")

    def open_seekable(self, sha256: str) -> BinaryIO:
        return self.open(sha256)

    def delete(self, sha256: str) -> None:
        path = self._path(sha256)
        path.unlink(missing_ok=True)
        with suppress(OSError):  # of a folder that isn't empty
            path.parent.rmdir()
            path.parent.parent.rmdir()

    def stored(self) -> Iterator[Stored]:
        for path in self.folder.glob("??/??/*"):
            if SHA256.fullmatch(path.name):
                status = path.stat()
                at = datetime.fromtimestamp(status.st_mtime, UTC)
                yield Stored(path.name, status.st_size, at)

    def local_path(self, sha256: str) -> Path:
        return self._existing(sha256)

    def presigned_url(self, sha256: str, *, filename: str, ttl: timedelta) -> None:
        return None


def _move(source: Path, target: Path) -> None:
    """Rename a file; whoever deletes a blob meanwhile may take the empty folder away again."""
    source.chmod(0o644)  # nginx, another user, reads it
    for tries_left in range(MOST_MOVES, 0, -1):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
        except (FileNotFoundError, FileExistsError):  # mkdir raises both
            if tries_left == 1 or not source.exists():
                raise
        else:
            return


def _copy(content: BinaryIO, out: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := content.read(CHUNK_BYTES):
        digest.update(chunk)
        out.write(chunk)
    return digest.hexdigest()

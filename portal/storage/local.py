"""Blobs in a folder: ``ab/cd/<sha256>``."""

from __future__ import annotations

import hashlib
import os
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from portal.storage.base import BlobMissing, CorruptBlob

CHUNK_BYTES = 1 << 20


class LocalBlobStore:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256[2:4] / sha256

    def _existing(self, sha256: str) -> Path:
        path = self._path(sha256)
        if not path.is_file():
            raise BlobMissing(sha256)
        return path

    def put(self, source: Path, sha256: str) -> None:
        target = self._path(sha256)
        if target.is_file():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".incoming-")
        partial = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as out, source.open("rb") as incoming:
                digest = hashlib.sha256()
                while chunk := incoming.read(CHUNK_BYTES):
                    digest.update(chunk)
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            if digest.hexdigest() != sha256:
                raise CorruptBlob(f"{source.name}: expected {sha256}, got {digest.hexdigest()}")
            partial.chmod(0o644)  # nginx, another user, reads it
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def has(self, sha256: str) -> bool:
        return self._path(sha256).is_file()

    def size_bytes(self, sha256: str) -> int:
        return self._existing(sha256).stat().st_size

    def open(self, sha256: str) -> BinaryIO:
        return self._existing(sha256).open("rb")

    def local_path(self, sha256: str) -> Path:
        return self._existing(sha256)

    def presigned_url(self, sha256: str, *, filename: str, ttl: timedelta) -> None:
        return None

"""What every blob backend does. Blobs are known by their sha256 and never change."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Protocol


class BlobMissing(Exception):
    """The store holds no such blob: its row and its bytes have parted."""


class CorruptBlob(Exception):
    """Bytes arrived whose sha256 is not the one announced; nothing was stored."""


class BlobStore(Protocol):
    def put(self, source: Path, sha256: str) -> None:
        """Store a file's bytes under their hash, verified on arrival; again is harmless.

        Raises CorruptBlob when the bytes do not have that hash.
        """

    def has(self, sha256: str) -> bool: ...

    def size_bytes(self, sha256: str) -> int:
        """Raises BlobMissing."""

    def open(self, sha256: str) -> BinaryIO:
        """The bytes from the start. Raises BlobMissing."""

    def local_path(self, sha256: str) -> Path | None:
        """Where the blob lies on this machine; None for a remote store. Raises BlobMissing."""

    def presigned_url(self, sha256: str, *, filename: str, ttl: timedelta) -> str | None:
        """A URL that serves the bytes by itself for ``ttl``; None when the portal must serve."""

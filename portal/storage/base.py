"""The interface of blob stores. Blobs are named by their sha256 and never change."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

CHUNK_BYTES = 1 << 20
SHA256 = re.compile(r"[0-9a-f]{64}")


class BlobMissing(Exception):
    """An error for a blob whose row exists but whose bytes the store doesn't have."""


class CorruptBlob(Exception):
    """An error for bytes whose sha256 isn't the one announced; nothing was stored."""


class Stored(NamedTuple):
    """A blob as the store lists it; its bytes are not read for that."""

    sha256: str
    size_bytes: int
    stored_at: datetime


def sha256_of(content: BinaryIO, progress: Callable[[int], object] | None = None) -> str:
    """Hash what is left of a stream; ``progress`` is called with the number of bytes just read."""
    digest = hashlib.sha256()
    while chunk := content.read(CHUNK_BYTES):
        digest.update(chunk)
        if progress:
            progress(len(chunk))
    return digest.hexdigest()


class BlobStore(Protocol):
    readings: int
    """How often ``add`` reads what it is given."""
    keeps_here: bool
    """True where blobs lie on this machine's disk, not beyond the network."""

    @property
    def incoming_folder(self) -> Path:
        """The folder where bytes wait on this machine until they are whole and verified."""

    def adopt(self, source: Path, sha256: str) -> None:
        """Make a file of ``incoming_folder`` a blob, once its hash was verified."""

    def put(self, source: Path, sha256: str) -> None:
        """Store a file's bytes under their hash, verified on arrival, unless the store has them.

        Raises CorruptBlob when the bytes do not have that hash.
        """

    def put_stream(self, content: BinaryIO, sha256: str) -> None:
        """Store bytes whose sha256 is known; if the store has them, nothing is read."""

    def add(self, content: BinaryIO) -> str:
        """Store bytes whose hash isn't known yet, and return it. ``content`` is seekable."""

    def has(self, sha256: str) -> bool: ...

    def size_bytes(self, sha256: str) -> int:
        """Return a blob's size. Raises BlobMissing."""

    def open(self, sha256: str) -> BinaryIO:
        """Open a blob at its start. Raises BlobMissing."""

    def open_seekable(self, sha256: str) -> BinaryIO:
        """Open a blob for seeking; only the ranges read are fetched. Raises BlobMissing."""

    def delete(self, sha256: str) -> None:
        """Delete the bytes, if they are there. The caller makes sure that no row names them."""

    def stored(self) -> Iterator[Stored]:
        """Yield every blob, in no order, without what isn't one, such as a half-written file."""

    def local_path(self, sha256: str) -> Path | None:
        """Return the blob's path on this machine; None for a remote store. Raises BlobMissing."""

    def presigned_url(self, sha256: str, *, filename: str, ttl: timedelta) -> str | None:
        """Return a URL that serves the bytes for ``ttl``; None when the portal must serve them."""

"""Receive bytes for the store: hash them as they come, keep them only if they are right."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from pathlib import Path

from portal.storage.base import BlobStore, CorruptBlob

FOLDER = ".incoming"  # of the local store: beside the blobs, so that keeping one is a rename
ABANDONED_SECONDS = 86_400.0


class Incoming:
    """An upload of ``size_bytes``. Its maker calls ``discard`` at the end, whatever happened."""

    def __init__(self, store: BlobStore, size_bytes: int) -> None:
        folder = store.incoming_folder
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        descriptor, name = tempfile.mkstemp(dir=folder)
        self.path = Path(name)
        self.received = 0
        self._store = store
        self._size_bytes = size_bytes
        self._out = os.fdopen(descriptor, "wb")
        self._sha256 = hashlib.sha256()
        self._sha1 = hashlib.sha1(b"blob %d\0" % size_bytes)  # noqa: S324, git's

    def write(self, chunk: bytes) -> None:
        """Append a chunk. Raises CorruptBlob as soon as there is more than was announced."""
        self.received += len(chunk)
        if self.received > self._size_bytes:
            raise CorruptBlob(f"more than the announced {self._size_bytes} bytes came")
        self._sha256.update(chunk)
        self._sha1.update(chunk)
        self._out.write(chunk)

    @property
    def sha256(self) -> str:
        """The hash of what has come so far."""
        return self._sha256.hexdigest()

    def keep(self, sha256: str) -> str:
        """Make it a blob; return its git hash. Raises CorruptBlob for other bytes than named."""
        if self.received != self._size_bytes:
            raise CorruptBlob(f"{self.received} bytes came instead of {self._size_bytes}")
        if self.sha256 != sha256:
            raise CorruptBlob(f"the bytes that came have the sha256 {self.sha256}")
        self._out.flush()
        os.fsync(self._out.fileno())
        self._store.adopt(self.path, sha256)
        return self._sha1.hexdigest()

    def discard(self) -> None:
        self._out.close()
        self.path.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Delete files of killed processes: those that nothing was written to for a day."""
    for path in folder.iterdir():
        try:
            if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                path.unlink()
        except FileNotFoundError:
            continue  # it was just kept, or somebody else swept

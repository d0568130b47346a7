"""Hash files and store them in one reading, several at once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, cast

from portal.catalog.contents import LFS_FROM_BYTES, Content, git_blob_sha1, lfs_pointer
from portal.catalog.errors import NotPublishable
from portal.catalog.hash_cache import HashCache, Known
from portal.storage import BlobStore, CorruptBlob, require_room
from portal.storage.base import sha256_of

AT_ONCE = 4  # hashing and writing release the interpreter's lock

Progress = Callable[[str, int], None]
"""Called with a file's path and the bytes just done."""


@dataclass(frozen=True)
class Hashed(Content):
    """A file that was hashed, and where its bytes lie."""

    source: Path


class Watched(RawIOBase):
    """A file that computes git's hash while it is read; seeking to the start begins anew."""

    def __init__(self, content: BinaryIO, size_bytes: int, progress: Callable[[int], None]) -> None:
        self._content, self._size, self._progress = content, size_bytes, progress
        self._sha1: Any = None
        self._start()

    def _start(self) -> None:
        """Begin git's hash, for files under the LFS size: of larger ones git hashes the pointer."""
        if self._size < LFS_FROM_BYTES:
            self._sha1 = hashlib.sha1(b"blob %d\0" % self._size, usedforsecurity=False)

    def read(self, size: int = -1) -> bytes:
        chunk = self._content.read(size)
        if self._sha1:
            self._sha1.update(chunk)
        self._progress(len(chunk))
        return chunk

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._start()
        return self._content.seek(offset, whence)

    def git_sha1(self, sha256: str) -> str:
        if self._sha1:
            return str(self._sha1.hexdigest())
        return git_blob_sha1(lfs_pointer(sha256, self._size))


def hash_file(source: Path, path: str, progress: Progress | None = None) -> Hashed:
    """Compute the sha256 and git's hash of a file in one reading, and store nothing."""
    size = source.stat().st_size
    with source.open("rb") as content:
        watched = Watched(content, size, lambda done: progress(path, done) if progress else None)
        sha256 = sha256_of(cast("BinaryIO", watched))
    return Hashed(path, sha256, watched.git_sha1(sha256), size, source)


class Intake:
    """A reader of files that hashes each and, given a ``store``, stores it.

    What ``cache`` knows is not hashed again, and what the store has is not sent again.
    """

    def __init__(
        self, store: BlobStore | None, cache: HashCache | None, progress: Progress | None
    ) -> None:
        self.store, self.cache = store, cache
        self._tell, self._lock = progress, Lock()

    def take_all(self, sources: Mapping[str, Path]) -> list[Hashed]:
        """Hash and store files, in the order of their paths; the first failure cancels the rest."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            running = [pool.submit(self._take, sources[path], path) for path in sorted(sources)]
            try:
                return [future.result() for future in running]
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _take(self, source: Path, path: str) -> Hashed:
        before = source.stat()
        known = self.cache.find(source, before) if self.cache else None
        if known and self._have(known, source, path):
            return Hashed(path, known.sha256, known.git_sha1, known.size_bytes, source)
        with source.open("rb") as content:
            watched = self._watched(content, path, before.st_size)
            if self.store and self.store.keeps_here:
                require_room(self.store, before.st_size)
            sha256 = self.store.add(watched) if self.store else sha256_of(watched)
            git_sha1 = cast("Watched", watched).git_sha1(sha256)
        # A training may still be writing: bytes of two states would have a hash that fits neither.
        after = source.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise NotPublishable([f"{path} changed while it was read: publish when it is finished"])
        if self.cache:
            self.cache.keep(source, before, sha256, git_sha1)
        return Hashed(path, sha256, git_sha1, before.st_size, source)

    def _have(self, known: Known, source: Path, path: str) -> bool:
        """Make sure that bytes of a known hash are stored; False if the file no longer has them."""
        if self.store is None or self.store.has(known.sha256):
            self._progress(path, known.size_bytes * (self.store.readings if self.store else 1))
            return True
        try:
            with source.open("rb") as content:
                self.store.put_stream(self._watched(content, path, known.size_bytes), known.sha256)
        except CorruptBlob:
            return False  # the file is not what it was, though it looks so
        self._progress(path, known.size_bytes * (self.store.readings - 1))
        return True

    def _watched(self, content: BinaryIO, path: str, size_bytes: int) -> BinaryIO:
        watched = Watched(content, size_bytes, lambda done: self._progress(path, done))
        return cast("BinaryIO", watched)

    def _progress(self, path: str, done: int) -> None:
        if self._tell:
            with self._lock:
                self._tell(path, done)

"""A file of a revision before it has a row."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

LFS_FROM_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class Content:
    """A path in a revision and the stored bytes that it stands for.

    ``lfs`` is None until the rules of the revision that it comes into decide; as in git, it then
    stays as it is until other bytes come.
    """

    path: str
    sha256: str
    git_sha1: str
    size_bytes: int
    lfs: bool | None = field(default=None, compare=False, kw_only=True)


def git_blob_sha1(content: bytes) -> str:
    """Return the SHA-1 by which git names these bytes."""
    framed = b"blob %d\0" % len(content) + content
    return hashlib.sha1(framed, usedforsecurity=False).hexdigest()


def lfs_pointer(sha256: str, size_bytes: int) -> bytes:
    """Return the pointer that git holds in place of an LFS file."""
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size_bytes}\n"
    return text.encode()

"""Bytes on their way into the local store."""

from __future__ import annotations

import hashlib
import os

import pytest

from portal.storage import CorruptBlob
from portal.storage.incoming import ABANDONED_SECONDS, FOLDER, Incoming
from portal.storage.local import LocalBlobStore


@pytest.fixture
def local(tmp_path) -> LocalBlobStore:
    return LocalBlobStore(tmp_path / "blobs")


def test_what_came_whole_is_kept(local):
    incoming = Incoming(local, 6)
    incoming.write(b"abc")
    incoming.write(b"def")
    digest = hashlib.sha256(b"abcdef").hexdigest()
    assert incoming.keep(digest) == hashlib.sha1(b"blob 6\0abcdef").hexdigest()  # noqa: S324
    incoming.discard()
    assert local.local_path(digest).read_bytes() == b"abcdef"


def test_one_byte_too_many_stops_it(local):
    incoming = Incoming(local, 2)
    with pytest.raises(CorruptBlob):
        incoming.write(b"abc")
    incoming.discard()
    assert list((local.folder / FOLDER).iterdir()) == []


def test_what_a_killed_process_left_is_swept(local):
    left, going = Incoming(local, 9), Incoming(local, 9)
    long_ago = left.path.stat().st_mtime - ABANDONED_SECONDS - 1
    os.utime(left.path, (long_ago, long_ago))
    Incoming(local, 9).discard()
    assert not left.path.exists()
    assert going.path.exists()
    for incoming in (left, going):
        incoming.discard()

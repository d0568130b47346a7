"""One contract for every backend."""

from __future__ import annotations

import hashlib
import io
import os
from datetime import UTC, datetime, timedelta

import pytest

from portal.storage import BlobMissing, CorruptBlob, s3
from portal.storage.local import LocalBlobStore

MINUTE = timedelta(minutes=1)
ABSENT = hashlib.sha256(b"nothing like it").hexdigest()


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(os.urandom(3_000_001))
    return path


def digest_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_was_put_comes_back(store, source):
    digest = digest_of(source)
    store.put(source, digest)
    assert store.has(digest)
    assert store.size_bytes(digest) == 3_000_001
    with store.open(digest) as content:
        assert content.read() == source.read_bytes()


def test_it_is_looked_into_without_being_read_whole(store, source):
    digest, whole = digest_of(source), source.read_bytes()
    store.put(source, digest)
    with store.open_seekable(digest) as content:
        assert content.read(10) == whole[:10]
        assert content.seek(-7, io.SEEK_END) == len(whole) - 7
        assert (content.read(100), content.read(1)) == (whole[-7:], b"")
        content.seek(1_000_000)
        assert (content.read(5), content.tell()) == (whole[1_000_000:1_000_005], 1_000_005)
    with pytest.raises(BlobMissing), store.open_seekable(ABSENT) as content:
        content.read(1)


def test_an_empty_file_is_a_blob_too(store, tmp_path):
    source = tmp_path / "empty"
    source.touch()
    store.put(source, digest_of(source))
    assert store.size_bytes(digest_of(source)) == 0


def test_putting_again_is_harmless(store, source):
    digest = digest_of(source)
    store.put(source, digest)
    source.write_bytes(b"a known hash is not read again")
    store.put(source, digest)
    assert store.size_bytes(digest) == 3_000_001


def test_bytes_with_another_hash_are_not_stored(store, source):
    claimed = hashlib.sha256(os.urandom(8)).hexdigest()
    with pytest.raises(CorruptBlob, match=digest_of(source)):
        store.put(source, claimed)
    assert not store.has(claimed)


def test_a_missing_blob_is_named(store):
    assert not store.has(ABSENT)
    for ask in (store.size_bytes, store.open):
        with pytest.raises(BlobMissing, match=ABSENT):
            ask(ABSENT)


def test_either_the_portal_serves_or_the_store_does(store, source):
    digest = digest_of(source)
    store.put(source, digest)
    path = store.local_path(digest)
    if path is None:
        assert store.presigned_url(digest, filename="a", ttl=MINUTE)
    else:
        assert path.read_bytes() == source.read_bytes()
        assert store.presigned_url(digest, filename="a", ttl=MINUTE) is None


def test_a_stream_is_verified_as_it_arrives(store, source):
    digest, content = digest_of(source), source.read_bytes()
    with pytest.raises(CorruptBlob, match=digest):
        store.put_stream(io.BytesIO(content[:-1]), digest)
    assert not store.has(digest)
    store.put_stream(io.BytesIO(content), digest)
    store.put_stream(io.BytesIO(b"a known hash is not read again"), digest)
    with store.open(digest) as stored:
        assert stored.read() == content


def test_bytes_of_an_unknown_hash_are_told_theirs(store, source):
    with source.open("rb") as content:
        assert store.add(content) == digest_of(source)
    with source.open("rb") as content:
        assert store.add(content) == digest_of(source)
    assert store.size_bytes(digest_of(source)) == 3_000_001


def test_what_was_deleted_is_gone(store, source):
    digest = digest_of(source)
    store.put(source, digest)
    store.delete(digest)
    assert not store.has(digest)
    store.delete(digest)
    store.put(source, digest)
    assert store.has(digest)


def test_a_folder_leaves_none_behind_that_is_empty(tmp_path, source):
    store = LocalBlobStore(tmp_path / "blobs")
    digest = digest_of(source)
    beside = tmp_path / "blobs" / digest[:2] / "beside"
    store.put(source, digest)
    beside.mkdir()
    store.delete(digest)
    assert list(beside.parent.iterdir()) == [beside]
    beside.rmdir()
    store.put(source, digest)
    store.delete(digest)
    assert list((tmp_path / "blobs").iterdir()) == []


def test_all_that_is_stored_can_be_listed(store, monkeypatch):
    monkeypatch.setattr(s3, "LIST_PAGE", 3)
    before = {blob.sha256 for blob in store.stored()}
    digests = [store.add(io.BytesIO(b"number %d" % number)) for number in range(1, 9)]
    listed = {blob.sha256: blob for blob in store.stored()}
    assert set(listed) == before | set(digests)
    first = listed[digests[0]]
    assert first.size_bytes == len(b"number 1")
    assert abs(datetime.now(UTC) - first.stored_at) < timedelta(minutes=5)
    for digest in digests:
        store.delete(digest)
    assert {blob.sha256 for blob in store.stored()} == before

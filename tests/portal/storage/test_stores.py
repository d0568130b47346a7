"""One contract for every backend."""

from __future__ import annotations

import hashlib
import os
from datetime import timedelta

import pytest

from portal.storage import BlobMissing, CorruptBlob

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

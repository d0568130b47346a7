"""A large file goes into a bucket in parts, and is there whole or not at all."""

from __future__ import annotations

import hashlib
import io
import os

import pytest

from portal.storage import CorruptBlob, multipart

PART_BYTES = 5 << 20  # the smallest that S3 takes
LARGE = os.urandom((2 * PART_BYTES) + 7)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    monkeypatch.setattr(multipart, "PART_BYTES", PART_BYTES)


class Trickle(io.BytesIO):
    """A stream that, as a socket does, brings fewer bytes than one asks for."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 100_000))


@pytest.mark.parametrize("stream", [io.BytesIO, Trickle])
@pytest.mark.parametrize("length", [PART_BYTES - 1, PART_BYTES, 2 * PART_BYTES, len(LARGE)])
def test_it_comes_back_as_it_was(s3_store, stream, length):
    content = LARGE[:length]
    digest = hashlib.sha256(content).hexdigest()
    s3_store.delete(digest)
    s3_store.put_stream(stream(content), digest)
    assert s3_store.size_bytes(digest) == length
    with s3_store.open(digest) as stored:
        assert hashlib.sha256(stored.read()).hexdigest() == digest


def test_one_with_another_hash_is_not_stored(s3_store):
    claimed = hashlib.sha256(os.urandom(8)).hexdigest()
    with pytest.raises(CorruptBlob, match=claimed):
        s3_store.put_stream(io.BytesIO(LARGE), claimed)
    assert not s3_store.has(claimed)


def test_one_that_breaks_off_is_not_stored(s3_store):
    class Breaks(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > PART_BYTES:
                raise ConnectionResetError
            return super().read(size)

    digest = hashlib.sha256(LARGE).hexdigest()
    s3_store.delete(digest)
    with pytest.raises(ConnectionResetError):
        s3_store.put_stream(Breaks(LARGE), digest)
    assert not s3_store.has(digest)

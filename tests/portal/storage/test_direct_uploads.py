"""A bucket takes bytes by itself, and they count only once they have been read."""

from __future__ import annotations

import hashlib
import os
from datetime import timedelta

import httpx2
import pytest

from portal.storage import BlobMissing, CorruptBlob, direct
from portal.storage.direct import PREFIX, DirectUploads

MINUTE = timedelta(minutes=1)
MEGABYTE = 1 << 20


@pytest.fixture
def uploads(s3_store) -> DirectUploads:
    return DirectUploads(s3_store)


@pytest.fixture
def content() -> bytes:
    return os.urandom(12 * MEGABYTE + 7)


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def staged_keys(uploads: DirectUploads) -> list[str]:
    listed = uploads.client.list_objects_v2(Bucket=uploads.bucket, Prefix=PREFIX)
    return [entry["Key"] for entry in listed.get("Contents", [])]


def put_whole(uploads: DirectUploads, content: bytes) -> str:
    transfer = uploads.start(len(content), multipart=True, ttl=MINUTE)
    assert httpx2.put(transfer.url, content=content).status_code == 200
    return transfer.staged


def put_parts(uploads: DirectUploads, content: bytes) -> tuple[direct.Transfer, list]:
    transfer = uploads.start(len(content), multipart=True, ttl=MINUTE)
    size, parts = transfer.part_bytes, []
    for number, url in enumerate(transfer.parts, start=1):
        answer = httpx2.put(url, content=content[(number - 1) * size : number * size])
        parts.append((number, answer.headers["etag"]))
    return transfer, parts


def test_what_was_put_becomes_a_blob(uploads, s3_store, content):
    staged = put_whole(uploads, content)
    assert not s3_store.has(sha256_of(content))
    git_sha1 = uploads.settle(staged, sha256_of(content), len(content))
    framed = b"blob %d\0" % len(content) + content
    assert git_sha1 == hashlib.sha1(framed).hexdigest()  # noqa: S324
    with s3_store.open(sha256_of(content)) as stored:
        assert sha256_of(stored.read()) == sha256_of(content)
    assert staged not in staged_keys(uploads)


def test_it_comes_in_parts(uploads, s3_store, content, monkeypatch):
    monkeypatch.setattr(direct, "PART_BYTES", 5 * MEGABYTE)
    transfer, parts = put_parts(uploads, content)
    assert len(parts) == 3
    uploads.complete(transfer.staged, transfer.upload_id, parts)
    uploads.complete(transfer.staged, transfer.upload_id, parts)
    uploads.settle(transfer.staged, sha256_of(content), len(content))
    assert s3_store.size_bytes(sha256_of(content)) == len(content)


def test_other_parts_than_came_are_refused(uploads, content, monkeypatch):
    monkeypatch.setattr(direct, "PART_BYTES", 5 * MEGABYTE)
    transfer, parts = put_parts(uploads, content)
    wrong = [(number, '"00000000000000000000000000000000"') for number, _ in parts]
    with pytest.raises(CorruptBlob):
        uploads.complete(transfer.staged, transfer.upload_id, wrong)


def test_other_bytes_than_announced_are_gone(uploads, s3_store, content):
    other_sha256 = sha256_of(b"other")
    staged = put_whole(uploads, content)
    with pytest.raises(CorruptBlob, match=sha256_of(content)):
        uploads.settle(staged, other_sha256, len(content))
    assert not s3_store.has(other_sha256)
    assert staged not in staged_keys(uploads)
    staged = put_whole(uploads, content)
    with pytest.raises(CorruptBlob, match="bytes came instead of"):
        uploads.settle(staged, sha256_of(content), len(content) - 1)
    assert staged not in staged_keys(uploads)


def test_nothing_put_is_nothing_kept(uploads):
    with pytest.raises(BlobMissing):
        uploads.settle(f"{PREFIX}none", sha256_of(b""), 0)


def test_what_comes_later_by_the_same_link_changes_nothing(uploads, s3_store, content):
    """The link still works while the portal reads, and another body may come by it."""
    transfer = uploads.start(len(content), multipart=True, ttl=MINUTE)
    httpx2.put(transfer.url, content=content)
    secluded = uploads._seclude(transfer.staged)
    assert httpx2.put(transfer.url, content=b"x" * len(content)).status_code == 200
    uploads._keep(secluded, sha256_of(content), len(content))
    with s3_store.open(sha256_of(content)) as stored:
        assert sha256_of(stored.read()) == sha256_of(content)

"""The bucket's own links let through what they are signed for, and no more."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from portal.catalog.folder_checks import LARGEST_FILE_BYTES
from portal.storage import multipart
from portal.storage.s3 import S3BlobStore

MINUTE = timedelta(minutes=1)


@pytest.fixture
def blob(s3_store, tmp_path):
    content = os.urandom(100_000)
    source = tmp_path / "source"
    source.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    s3_store.put(source, digest)
    return digest, content


def test_it_serves_the_bytes_and_ranges_of_them(s3_store, blob):
    digest, content = blob
    url = s3_store.presigned_url(digest, filename="shard.safetensors", ttl=MINUTE)
    assert httpx2.get(url).content == content
    part = httpx2.get(url, headers={"Range": "bytes=99000-"})
    assert part.status_code in (200, 206)  # rclone says 200, with the range beside it
    assert part.content == content[99_000:]
    assert part.headers["content-range"] == "bytes 99000-99999/100000"


def test_it_names_the_file_and_no_secret(s3_store, blob):
    url = s3_store.presigned_url(blob[0], filename="shard one.safetensors", ttl=MINUTE)
    query = parse_qs(urlsplit(url).query)
    assert query["response-content-disposition"] == ['attachment; filename="shard one.safetensors"']
    assert "a-secret-access-key" not in url


def test_the_server_that_heeds_it_names_the_file(request, s3_store, blob):
    url = s3_store.presigned_url(blob[0], filename="shard.safetensors", ttl=MINUTE)
    named = httpx2.get(url).headers.get("content-disposition", "")
    if request.node.callspec.params["s3_store"] == "rclone":  # nanio passes over it
        assert named == 'attachment; filename="shard.safetensors"'


def test_a_changed_link_is_refused(s3_store, blob):
    url = s3_store.presigned_url(blob[0], filename="a", ttl=MINUTE)
    other_sha256 = hashlib.sha256(b"other").hexdigest()
    longer = url.replace("X-Amz-Expires=60", "X-Amz-Expires=6000")
    moved = url.replace(blob[0], other_sha256)
    for changed in (longer, moved, url[:-1] + ("0" if url[-1] != "0" else "1")):
        assert changed != url
        assert httpx2.get(changed).status_code == 403


def test_an_expired_link_is_refused(s3_store, blob, monkeypatch):
    an_hour_ago = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: an_hour_ago)
    url = s3_store.presigned_url(blob[0], filename="a", ttl=MINUTE)
    assert httpx2.get(url).status_code in (400, 403)


def test_an_unsigned_request_is_refused(s3_store, blob):
    url = s3_store.presigned_url(blob[0], filename="a", ttl=MINUTE)
    assert httpx2.get(url.partition("?")[0]).status_code in (400, 403)


def test_a_link_serves_reading_and_nothing_else(s3_store, blob):
    url = s3_store.presigned_url(blob[0], filename="a", ttl=MINUTE)
    assert httpx2.delete(url).status_code == 403
    assert s3_store.has(blob[0])


def test_the_largest_file_allowed_fits_in_the_parts_allowed():
    assert multipart.PART_BYTES * 10_000 > LARGEST_FILE_BYTES


def test_settings_without_keys_leave_the_search_to_boto3(settings, monkeypatch):
    settings.S3_ACCESS_KEY_ID = settings.S3_SECRET_ACCESS_KEY = ""
    settings.S3_BUCKET = "weights"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from-the-environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    url = S3BlobStore.from_settings().presigned_url("ab" * 32, filename="a", ttl=MINUTE)
    assert "from-the-environment" in url

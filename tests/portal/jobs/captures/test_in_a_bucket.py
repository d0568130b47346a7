"""Captures in a bucket are served by its own links, and deleted there."""

from __future__ import annotations

import httpx2
import pytest
from django.utils import timezone

from portal.jobs.captures.keeping import captures_of, drop_files
from portal.storage.backends import blob_store
from tests.factories.captures import ONE, make_captured
from tests.portal.storage.conftest import s3_servers, s3_store  # noqa: F401

CONTENT = bytes(range(200))


@pytest.mark.django_db(transaction=True)
def test_a_link_leads_to_the_bucket(client, hosted, submit, key, settings, s3_store):  # noqa: F811
    submit(capture=[ONE])
    settings.STORAGE = "s3"
    blob_store.cache_clear()
    job = make_captured(hosted, timezone.now(), content=CONTENT)
    sha256 = captures_of(job).blob_id
    assert s3_store.has(sha256)
    found = client.get(f"/v1/completions/cmpl-{job.pk.hex}/captures", headers=key)
    assert found["Location"].startswith(s3_store.client.meta.endpoint_url)
    assert httpx2.get(found["Location"]).content == CONTENT
    ranged = httpx2.get(found["Location"], headers={"Range": "bytes=8-15"})
    assert ranged.content == CONTENT[8:16]
    drop_files(job.capture_files.all())
    assert not s3_store.has(sha256)

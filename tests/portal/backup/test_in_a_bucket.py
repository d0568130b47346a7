"""Backups and the log of endings in a bucket of their own, and a restore out of it."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from portal.backup.places import place_at
from tests.buckets import BUCKET, COMMANDS, KEY_ID, SECRET, make_s3_store
from tests.portal.backup.site import Site

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=COMMANDS)
def site(request, s3_servers, settings, tmp_path):
    """Yield a portal whose blob store's keys open nothing in the bucket of backups."""
    server = s3_servers(request.param)
    make_s3_store(server, settings)
    settings.BACKUP_S3_ENDPOINT_URL = server
    settings.BACKUP_S3_ACCESS_KEY_ID, settings.BACKUP_S3_SECRET_ACCESS_KEY = KEY_ID, SECRET
    settings.S3_ENDPOINT_URL = settings.S3_ACCESS_KEY_ID = settings.S3_SECRET_ACCESS_KEY = ""
    folder = f"s3://{BUCKET}/{tmp_path.name}"
    settings.ENDINGS_LOG = f"{folder}/endings"
    return Site(tmp_path, place_at(f"{folder}/backups"))


def test_a_grant_revoked_after_the_backup_stays_refused(site):
    made = site.back_up()
    assert site.download().status_code == 302
    site.revoke()
    site.copy()
    restored = site.restore(made)
    assert restored.applied.suspended == ""
    assert site.download().status_code == 403


def test_the_keys_of_blobs_are_not_asked(site, settings):
    settings.BACKUP_S3_ACCESS_KEY_ID, settings.S3_ACCESS_KEY_ID = "another-key", KEY_ID
    place = place_at(f"s3://{BUCKET}/backups")
    with pytest.raises(ClientError):
        place.client.list_objects_v2(Bucket=BUCKET)

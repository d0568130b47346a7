"""The store is read again: what has changed, is gone or belongs to nothing is found and told."""

from __future__ import annotations

import io
import json
import uuid
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from portal.audit.models import AuditEvent
from portal.catalog.models import Blob, StorageFinding
from portal.catalog.services.lookup import find_file
from portal.catalog.services.storage_check import verify_storage
from portal.storage import blob_store
from portal.storage.s3 import blob_key
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_revision
from tests.portal.storage.conftest import COMMANDS, make_s3_store
from workers.maintenance import verify_some_storage

pytestmark = pytest.mark.django_db
SHARD = "model-00001-of-00002.safetensors"
AT_ONCE = timedelta()


@pytest.fixture(params=["local", *COMMANDS])
def store(request, settings):
    """Return the store that the settings name, empty."""
    if request.param != "local":
        made = make_s3_store(request.getfixturevalue("s3_servers")(request.param), settings)
        settings.S3_BUCKET = f"verify-{uuid.uuid4().hex[:12]}"
        made.client.create_bucket(Bucket=settings.S3_BUCKET)
        settings.STORAGE = "s3"
        blob_store.cache_clear()
    return blob_store()


@pytest.fixture
def revision(store, tmp_path):
    return make_revision(make_repo(), tmp_path / "in")


def spoil(store, sha256: str) -> None:
    """One bit of the stored bytes is another."""
    with store.open(sha256) as stored:
        content = bytearray(stored.read())
    content[len(content) // 2] ^= 1
    path = store.local_path(sha256)
    if path is not None:
        path.write_bytes(content)
    else:
        store.client.put_object(Bucket=store.bucket, Key=blob_key(sha256), Body=bytes(content))


def run(*options: str) -> str:
    out = io.StringIO()
    call_command("verify_storage", "--orphans-after", "0", *options, stdout=out)
    return out.getvalue()


def found() -> set[tuple[str, str]]:
    return set(StorageFinding.objects.filter(mended_at=None).values_list("kind", "sha256"))


def test_a_sound_store_has_no_findings(revision):
    count = Blob.objects.count()
    assert f"{count} blobs read" in run()
    assert not found()
    assert not Blob.objects.filter(checked_at=None).exists()


def test_a_flipped_bit_a_missing_blob_and_an_orphan_are_found(store, revision):
    flipped, gone = (find_file(revision, name).blob_id for name in (SHARD, "config.json"))
    spoil(store, flipped)
    store.delete(gone)
    orphan = store.add(io.BytesIO(b"nobody's"))
    with pytest.raises(CommandError) as refused:
        run()
    assert found() == {("corrupt", flipped), ("missing", gone), ("orphan", orphan)}
    assert "3 findings." in str(refused.value)
    assert f"corrupt: {flipped} ({revision.repo}, {SHARD}. The bytes hash to" in str(refused.value)
    events = AuditEvent.objects.filter(type="storage.fault_found")
    assert {event.data["sha256"] for event in events} == {flipped, gone, orphan}


def test_what_was_found_is_told_once_and_ends_when_it_is_mended(store, revision, tmp_path):
    file = find_file(revision, SHARD)
    spoil(store, file.blob_id)
    orphan = store.add(io.BytesIO(b"nobody's"))
    for _ in range(2):
        verify_storage(now=timezone.now(), orphans_after=AT_ONCE)
    assert AuditEvent.objects.filter(type="storage.fault_found").count() == 2
    store.delete(file.blob_id)
    store.put(tmp_path / "in" / SHARD, file.blob_id)
    store.delete(orphan)
    report = verify_storage(now=timezone.now(), orphans_after=AT_ONCE)
    assert report.open_findings == 0
    assert AuditEvent.objects.filter(type="storage.fault_mended").count() == 2


@pytest.fixture
def local(settings, tmp_path):
    return make_revision(make_repo(), tmp_path / "in")


def test_a_fresh_blob_without_a_row_is_an_upload_on_its_way(local):
    blob_store().add(io.BytesIO(b"on its way"))
    verify_storage(now=timezone.now())
    assert not found()
    verify_storage(now=timezone.now() + timedelta(hours=25))
    assert len(found()) == 1


def test_a_limited_run_takes_the_longest_unchecked_first(local, now):
    everything = Blob.objects.count()
    seen = 0
    for number in range(1, everything + 1):
        report = verify_storage(now=now + timedelta(minutes=number), limit_bytes=1)
        assert report.checked == 1
        seen += 1
    assert seen == everything
    assert not Blob.objects.filter(checked_at=None).exists()
    first = Blob.objects.order_by("checked_at").first()
    verify_storage(now=now + timedelta(days=1), limit_bytes=1)
    first.refresh_from_db()
    assert first.checked_at == now + timedelta(days=1)


def test_a_missing_blob_is_found_though_nothing_is_read_of_it(local):
    gone = find_file(local, SHARD).blob_id
    blob_store().delete(gone)
    verify_storage(now=timezone.now(), limit_bytes=0)
    assert ("missing", gone) in found()


def test_programs_read_json(local):
    spoil(blob_store(), find_file(local, SHARD).blob_id)
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 findings"):
        call_command("verify_storage", "--json", stdout=out)
    output = json.loads(out.getvalue())
    assert output["findings"][0]["kind"] == "corrupt"
    assert output["checked"] == Blob.objects.count()


def test_the_clock_checks_some_each_night(local, settings):
    settings.VERIFY_STORAGE_BYTES = 0
    verify_some_storage()
    assert not Blob.objects.exclude(checked_at=None).exists()
    settings.VERIFY_STORAGE_BYTES = 10**9
    verify_some_storage()
    assert not Blob.objects.filter(checked_at=None).exists()


def test_operators_see_it_and_nobody_else(client, local):
    spoil(blob_store(), find_file(local, SHARD).blob_id)
    verify_storage(now=timezone.now())
    assert client.get("/record/storage").status_code == 404
    client.force_login(make_user())
    assert client.get("/record/storage").status_code == 404
    client.force_login(make_user(superuser=True))
    page = client.get("/record/storage").content.decode()
    assert "Bytes have changed" in page
    assert SHARD in page
    assert (
        'weightgate_storage_findings{kind="corrupt"} 1.0' in client.get("/metrics").content.decode()
    )

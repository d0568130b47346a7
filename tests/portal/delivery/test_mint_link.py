"""A link is made for who may have the file, and never unrecorded."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

import httpx2
import pytest
from django.utils import timezone

from portal.access.errors import Refused
from portal.accounts.tokens.authentication import Caller
from portal.audit.models import AuditEvent
from portal.delivery import services
from portal.delivery.accounting.anonymous_reads import record_anonymous_reads
from portal.delivery.models import Download
from portal.delivery.services import mint_link, open_link, start_download
from portal.storage import backends
from tests.portal.world import SHARD


def mint(world, caller=None, path=SHARD):
    caller = caller or Caller(world.researcher, world.token)
    return mint_link(caller=caller, file=world.file(path), now=timezone.now(), ip="192.0.2.1")


def test_it_is_recorded_without_the_link_itself(world):
    url = mint(world)
    event = AuditEvent.objects.get(type="link.minted")
    assert event.actor == world.researcher
    assert event.data["path"] == SHARD
    assert event.data["commit"] == world.revision.commit
    assert event.data["token"] == world.token.pk
    assert url.split("/")[-2] not in str(event.data)


def test_the_url_holds_no_secret(world):
    assert world.secret not in mint(world)


@pytest.mark.parametrize("path", [SHARD, "config.json", "tokenizer.json"])
def test_a_stranger_gets_none(world, path):
    for caller in (Caller(), Caller(world.stranger)):
        with pytest.raises(Refused):
            mint(world, caller, path)
    assert not AuditEvent.objects.filter(type="link.minted").exists()


@pytest.mark.parametrize("path", ["README.md", "LICENSE", "SHA256SUMS"])
def test_what_stands_before_the_gate_is_for_everybody(world, path):
    assert mint(world, Caller(), path)


def test_no_record_no_link(world, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("the chain is closed")

    monkeypatch.setattr(services, "record", fail)
    with pytest.raises(RuntimeError):
        mint(world)
    assert not Download.objects.exists()


def test_a_bucket_serves_by_its_own_link(world, s3_store, monkeypatch):
    file = world.file()
    s3_store.put(world.folder / SHARD, file.blob_id)
    monkeypatch.setattr(services, "blob_store", lambda: s3_store)
    url = mint(world)
    assert url.startswith(s3_store.client.meta.endpoint_url)
    assert httpx2.get(url).content == world.bytes_of()
    download = Download.objects.get()
    assert download.status_code == 302
    assert download.bytes_sent is None
    assert download.ip == "192.0.2.1"


def test_settings_choose_the_bucket(settings, s3_store):
    settings.STORAGE = "s3"
    assert backends.blob_store().bucket == s3_store.bucket


def test_nobodys_reads_are_one_number_a_day_on_the_record(world):
    now = timezone.now()
    before = AuditEvent.objects.count()
    for _ in range(3):
        url = mint(world, Caller(), "README.md")
        link, file = open_link(*url.split("/")[-2:], now=now)
        start_download(link, file, span=None, status=HTTPStatus.OK, now=now, ip=None)
    assert AuditEvent.objects.count() == before
    tomorrow = now + timedelta(days=1)
    assert record_anonymous_reads(tomorrow) == 1
    assert record_anonymous_reads(tomorrow) == 0
    event = AuditEvent.objects.latest("sequence")
    size = world.file("README.md").blob.size_bytes
    assert (event.type, event.actor) == ("download.anonymous_counted", None)
    assert event.target_id == str(world.repo.pk)
    assert event.data == {
        "day": now.date().isoformat(),
        "downloads": 3,
        "bytes": 3 * size,
    }

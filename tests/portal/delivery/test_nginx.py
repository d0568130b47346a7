"""A range on a condition, through a real nginx that is handed the bytes."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from django.utils import timezone

from portal.accounts.authentication import Caller
from portal.delivery.models import Download
from portal.delivery.services import mint_link
from portal.embedded import nginx, processes
from portal.embedded.errors import EmbeddedError
from tests.live import free_port
from tests.portal.world import make_world
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def front(live_server, settings, tmp_path: Path) -> Iterator[str]:
    """The demo's own nginx before the portal; its address."""
    try:
        nginx.program()
    except EmbeddedError as error:
        pytest.skip(str(error))
    port = free_port()
    settings.BLOB_DIR = tmp_path / "blobs"
    settings.BASE_URL = f"http://127.0.0.1:{port}"
    settings.X_ACCEL_PREFIX = nginx.PROTECTED
    (tmp_path / "logs").mkdir()
    inner = tmp_path / "bytes.sock"
    config = nginx.write_config(
        var=tmp_path,
        port=port,
        pages=tmp_path / "none.sock",
        streams=tmp_path / "none.sock",
        inner=inner,
        blobs=settings.BLOB_DIR,
    )
    portal = live_server.url.removeprefix("http://")
    config.write_text(config.read_text().replace(f"unix:{tmp_path / 'none.sock'}", portal))
    process = subprocess.Popen(
        nginx.command(config, tmp_path / "logs" / "nginx.log", inner),
        preexec_fn=processes.preparation(signal.SIGTERM),
    )
    try:
        wait_until(lambda: _answers(settings.BASE_URL), 20, "nginx")
        yield settings.BASE_URL
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/healthz").status_code == 200
    except httpx2.TransportError:
        return False


@pytest.fixture
def world(front, tmp_path):
    return make_world(tmp_path / "in")


@pytest.fixture
def link(world):
    caller = Caller(world.researcher, world.token)
    return mint_link(caller=caller, file=world.file(), now=timezone.now())


def test_a_condition_that_holds_goes_on_and_another_begins_anew(world, link):
    whole, etag = world.bytes_of(), f'"{world.file().etag}"'
    first = httpx2.get(link, headers={"Range": "bytes=0-99"})
    assert (first.status_code, first.content) == (206, whole[:100])
    assert first.headers["etag"] == etag
    going_on = {"Range": "bytes=100-", "If-Range": first.headers["etag"]}
    rest = httpx2.get(link, headers=going_on)
    assert (rest.status_code, rest.content) == (206, whole[100:])
    assert rest.headers["content-range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"
    assert rest.headers["etag"] == rest.headers["x-linked-etag"] == etag
    assert rest.headers["x-repo-commit"] == world.revision.commit
    assert rest.headers["content-type"] == "application/octet-stream"
    assert rest.headers["content-disposition"].startswith("attachment")
    anew = httpx2.get(link, headers={"Range": "bytes=100-", "If-Range": '"another"'})
    assert (anew.status_code, anew.content) == (200, whole)
    assert sorted(Download.objects.values_list("status_code", flat=True)) == [200, 206, 206]


def test_ranges_without_a_condition_stay_as_they_are(world, link):
    whole = world.bytes_of()
    tail = httpx2.get(link, headers={"Range": "bytes=-7"})
    assert (tail.status_code, tail.content) == (206, whole[-7:])
    size = len(whole)
    assert httpx2.get(link, headers={"Range": f"bytes={size}-"}).status_code == 416
    assert httpx2.get(link).content == whole


def test_the_bytes_have_no_other_door(front, world, link):
    digest = world.file().blob_id
    inside = f"{digest[:2]}/{digest[2:4]}/{digest}"
    for path in (f"_protected/{inside}", f"_protected/ranged/{inside}", inside):
        assert httpx2.get(f"{front}/{path}").status_code == 404

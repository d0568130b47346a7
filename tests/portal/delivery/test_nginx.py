"""A real nginx that is handed the bytes: ranges, how many at once, what was sent."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from django.utils import timezone
from huggingface_hub.utils import parse_ratelimit_headers

from portal.accounts.tokens.authentication import Caller
from portal.delivery.accounting.transfers import read_transfers
from portal.delivery.models import Download
from portal.delivery.services import mint_link
from portal.embedded import nginx, processes
from portal.embedded.errors import EmbeddedError
from tests.factories.catalog import make_folder, make_revision
from tests.live import free_port
from tests.portal.world import make_world
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def front(live_server, settings, tmp_path: Path) -> Iterator[str]:
    """Run the demo's own nginx before the portal; yield its address."""
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
        max_downloads=2,
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


def test_what_was_sent_is_told_by_its_log(world, link, tmp_path):
    whole = world.bytes_of()
    assert httpx2.get(link).status_code == 200
    condition = {"Range": "bytes=5-", "If-Range": f'"{world.file().etag}"'}
    for headers in ({"Range": "bytes=10-"}, condition):
        assert httpx2.get(link, headers=headers).status_code == 206
    log = tmp_path / "logs" / nginx.TRANSFERS
    wait_until(lambda: read_transfers(log) and not Download.objects.filter(ended_at=None), 20, "it")
    sent = Download.objects.order_by("pk").values_list("status_code", "bytes_sent")
    assert list(sent) == [(200, len(whole)), (206, len(whole) - 10), (206, len(whole) - 5)]


def large_link(world, tmp_path: Path, size: int) -> str:
    """Of a file that no socket's buffer holds."""
    with make_folder(tmp_path / "large").joinpath("large.dat").open("wb") as file:
        file.truncate(size)
    revision = make_revision(world.repo, tmp_path / "large", title="Large", now=timezone.now())
    caller = Caller(world.researcher, world.token)
    return mint_link(caller=caller, file=revision.files.get(path="large.dat"), now=timezone.now())


def test_a_download_that_was_cut_counts_as_far_as_it_went(front, world, tmp_path):
    size = 50_000_000
    link = large_link(world, tmp_path, size)
    with httpx2.stream("GET", link) as answer:
        next(answer.iter_bytes(100_000))
    log = tmp_path / "logs" / nginx.TRANSFERS
    download = Download.objects.get()
    wait_until(lambda: read_transfers(log), 20, "its line")
    download.refresh_from_db()
    assert download.length_bytes == size
    assert 100_000 <= download.bytes_sent < size


def test_one_person_has_so_many_at_once(world, tmp_path):
    link = large_link(world, tmp_path, 50_000_000)
    with httpx2.stream("GET", link), httpx2.stream("GET", link):
        refused = httpx2.get(link)
        assert refused.status_code == 429
        assert "2 downloads under way" in refused.headers["x-error-message"]
        assert parse_ratelimit_headers(dict(refused.headers)).reset_in_seconds == 10
        caller = Caller(world.researcher, world.token)
        card = mint_link(caller=caller, file=world.file("README.md"), now=timezone.now())
        assert httpx2.get(card).status_code == 200
    log = tmp_path / "logs" / nginx.TRANSFERS
    wait_until(lambda: read_transfers(log) and not Download.objects.filter(ended_at=None), 20, "it")
    assert Download.objects.get(status_code=429).bytes_sent == 0


def test_the_licence_goes_with_the_bytes(world, link):
    answer = httpx2.get(link)
    assert 'rel="license"' in answer.headers["link"]
    assert "Licensed" in answer.headers["x-licence-attribution"]


def test_the_bytes_bear_what_every_answer_of_the_portal_bears(world, link):
    going_on = {"Range": "bytes=5-", "If-Range": f'"{world.file().etag}"'}
    for headers in ({}, going_on):
        answer = httpx2.get(link, headers=headers)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"]
        once = ["bytes"] if answer.status_code == 200 else []  # nginx leaves it out of a 206
        assert answer.headers.get_list("accept-ranges") == once

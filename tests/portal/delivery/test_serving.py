"""The link endpoint: whole files, ranges, metadata, and what goes wrong."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.accounts.tokens.authentication import Caller
from portal.delivery.models import Download
from portal.delivery.services import mint_link
from portal.storage import blob_store
from tests.portal.world import SHARD, bearer


@pytest.fixture
def link(world):
    caller = Caller(world.researcher, world.token)
    return mint_link(caller=caller, file=world.file(), now=timezone.now())


def body(response):
    return b"".join(response.streaming_content)


def test_the_whole_file(world, client, link):
    response = client.get(link)
    assert response.status_code == 200
    assert body(response) == world.bytes_of()
    file = world.file()
    assert response["Content-Length"] == str(file.blob.size_bytes)
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"] == f'attachment; filename="{SHARD}"'
    assert response["Accept-Ranges"] == "bytes"
    assert response["ETag"] == f'"{file.blob_id}"'
    assert response["X-Repo-Commit"] == world.revision.commit
    assert "Content-Encoding" not in response
    assert not response.cookies


def test_a_small_file_is_named_by_its_git_hash(world, client):
    link = mint_link(caller=Caller(), file=world.file("README.md"), now=timezone.now())
    response = client.get(link)
    assert body(response) == world.bytes_of("README.md")
    assert response["ETag"] == f'"{world.file("README.md").blob.git_sha1}"'


def test_head_tells_all_and_uses_nothing_up(world, client, link):
    response = client.head(link, headers={"Range": "bytes=5-"})
    assert response.status_code == 200
    assert response["Content-Length"] == response["X-Linked-Size"] == str(len(world.bytes_of()))
    assert response["X-Linked-Etag"] == response["ETag"]
    assert response["X-Repo-Commit"] == world.revision.commit
    assert not Download.objects.exists()
    assert client.get(link).status_code == 200


@pytest.mark.parametrize(
    ("header", "start", "stop"), [("bytes=10-19", 10, 20), ("bytes=16000-", 16000, None)]
)
def test_a_range(world, client, link, header, start, stop):
    whole = world.bytes_of()
    response = client.get(link, headers={"Range": header})
    assert response.status_code == 206
    assert body(response) == whole[start:stop]
    last = (stop or len(whole)) - 1
    assert response["Content-Range"] == f"bytes {start}-{last}/{len(whole)}"
    assert response["Content-Length"] == str(len(whole[start:stop]))


def test_past_the_end(world, client, link):
    response = client.get(link, headers={"Range": "bytes=99999999-"})
    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{len(world.bytes_of())}"
    assert not Download.objects.exists()


def test_several_ranges_are_answered_by_the_whole(world, client, link):
    response = client.get(link, headers={"Range": "bytes=0-1,5-6"})
    assert response.status_code == 200
    assert body(response) == world.bytes_of()


@pytest.mark.parametrize(("matches", "status"), [(True, 206), (False, 200)])
def test_a_range_of_another_version_is_none(world, client, link, matches, status):
    etag = f'"{world.file().etag}"' if matches else '"another"'
    response = client.get(link, headers={"Range": "bytes=10-", "If-Range": etag})
    assert response.status_code == status


def test_each_get_is_kept_account_of(world, client, link):
    body(client.get(link, headers={"Range": "bytes=100-199"}, REMOTE_ADDR="192.0.2.9"))
    download = Download.objects.get()
    assert (download.person, download.token) == (world.researcher, world.token)
    assert (download.file, download.revision) == (world.file(), world.revision)
    assert (download.range_start, download.length_bytes) == (100, 100)
    assert (download.status_code, download.ip) == (206, "192.0.2.9")


def test_a_finished_download_has_its_bytes(world, client, link):
    body(client.get(link))
    assert Download.objects.get().bytes_sent == len(world.bytes_of())


def test_a_present_authorization_is_ignored(client, link):
    assert client.get(link, headers=bearer("wg_nonsense")).status_code == 200


def test_nginx_sends_the_bytes_where_it_may(world, client, link, settings):
    settings.X_ACCEL_PREFIX = "/_protected/"
    response = client.get(link, headers={"Range": "bytes=10-19"})
    digest = world.file().blob_id
    assert response["X-Accel-Redirect"] == f"/_protected/{digest[:2]}/{digest[2:4]}/{digest}"
    assert response["Content-Type"] == "application/octet-stream"
    assert not response.content
    assert Download.objects.get().status_code == 206


def test_head_is_answered_without_nginx(world, client, link, settings):
    settings.X_ACCEL_PREFIX = "/_protected/"
    response = client.head(link)
    assert "X-Accel-Redirect" not in response
    assert response["Content-Length"] == str(len(world.bytes_of()))


@pytest.mark.parametrize("damage", ["missing", "short"])
@pytest.mark.parametrize("method", ["get", "head"])
def test_a_blob_that_is_not_there_is_no_crash(world, client, link, damage, method):
    path = blob_store().local_path(world.file().blob_id)
    path.unlink() if damage == "missing" else path.write_bytes(b"short")
    response = getattr(client, method)(link)
    assert response.status_code == 503
    assert SHARD in response["X-Error-Message"]
    assert response["Content-Type"] == "application/json"


def test_nothing_else_is_allowed(client, link):
    for method in ("post", "put", "delete"):
        assert getattr(client, method)(link).status_code == 405


def test_an_empty_file(world, client, tmp_path):
    from tests.factories.catalog import make_folder, make_revision

    folder = make_folder(world.folder, **{"empty.txt": ""})
    revision = make_revision(world.repo, folder, title="Second", now=timezone.now())
    world.revision = revision
    caller = Caller(world.researcher, world.token)
    link = mint_link(caller=caller, file=world.file("empty.txt"), now=timezone.now())
    response = client.get(link)
    assert (response.status_code, body(response)) == (200, b"")
    assert response["Content-Length"] == "0"
    assert client.get(link, headers={"Range": "bytes=0-"}).status_code == 416

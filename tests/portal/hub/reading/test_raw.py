"""Small files and a card's pictures are shown by the rule of a download, and inert."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.audit.models import AuditEvent
from portal.delivery.models import Download
from tests.factories.catalog import make_folder, make_revision
from tests.portal.world import SHARD

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


@pytest.fixture
def shown(world):
    more = {"images/f.png": PNG, "images/f.SVG": "<svg onload='alert(1)'/>", "page.html": "<b>"}
    make_folder(world.folder, **more)
    make_revision(world.repo, world.folder, title="Pictures", now=timezone.now())
    return world


def raw(world, path: str, revision: str = "main", way: str = "raw") -> str:
    return f"/{world.repo.full_name}/{way}/{revision}/{path}"


@pytest.mark.parametrize("way", ["raw", "picture"])
def test_it_asks_as_a_download_does(shown, client, way):
    url = raw(shown, "images/f.png", way=way)
    refused = client.get(url)
    assert (refused.status_code, refused["X-Error-Code"]) == (401, "GatedRepo")
    assert client.get(url, headers=shown.stranger_bearer).status_code == 403
    assert client.head(url, headers=shown.stranger_bearer).status_code == 403
    response = client.get(url, headers=shown.bearer)
    assert (response.status_code, response.content) == (200, PNG)


@pytest.mark.parametrize(
    ("way", "path", "kind"),
    [
        ("raw", "page.html", "text/plain; charset=utf-8"),
        ("raw", "images/f.SVG", "text/plain; charset=utf-8"),
        ("picture", "images/f.png", "image/png"),
        ("picture", "images/f.SVG", "image/svg+xml"),
    ],
)
def test_nothing_in_it_acts(shown, client, way, path, kind):
    response = client.get(raw(shown, path, way=way), headers=shown.bearer)
    assert response["Content-Type"] == kind
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"] == "inline"
    policy = response["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_what_stands_before_the_gate_is_shown_to_all(shown, client):
    card = client.get(raw(shown, "README.md"))
    assert card.content == shown.bytes_of("README.md")
    assert card["X-Repo-Commit"]


def test_it_is_on_record_like_a_download(shown, client):
    client.get(raw(shown, "config.json"), headers=shown.bearer)
    download = Download.objects.get()
    assert (download.person, download.file.path) == (shown.researcher, "config.json")
    assert download.bytes_sent == download.length_bytes == len(shown.bytes_of("config.json"))
    assert AuditEvent.objects.filter(type="link.minted").count() == 1


def test_large_files_are_fetched_by_their_own_address(shown, client):
    response = client.get(raw(shown, SHARD), headers=shown.bearer)
    assert response.status_code == 302
    assert "/resolve/" in response["Location"]
    assert client.get(raw(shown, SHARD)).status_code == 401


def test_a_range_is_a_range(shown, client):
    headers = shown.bearer | {"Range": "bytes=0-0"}
    response = client.get(raw(shown, "config.json"), headers=headers)
    size = len(shown.bytes_of("config.json"))
    assert (response.status_code, response.content) == (206, b"{")
    assert response["Content-Range"] == f"bytes 0-0/{size}"
    beyond = client.get(
        raw(shown, "config.json"), headers=shown.bearer | {"Range": "bytes=999999-"}
    )
    assert beyond.status_code == 416


@pytest.mark.parametrize("path", ["nothing.png", "config.json"])
def test_what_is_no_picture_is_not_there_as_one(shown, client, path):
    response = client.get(raw(shown, path, way="picture"), headers=shown.bearer)
    assert (response.status_code, response["X-Error-Code"]) == (404, "EntryNotFound")


@pytest.mark.parametrize("revision", ["nowhere", "0" * 40])
def test_a_revision_that_is_not_there(shown, client, revision):
    response = client.get(raw(shown, "config.json", revision), headers=shown.bearer)
    assert (response.status_code, response["X-Error-Code"]) == (404, "RevisionNotFound")

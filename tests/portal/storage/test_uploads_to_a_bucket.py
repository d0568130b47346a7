"""The Hub’s LFS batch where blobs lie in a bucket: no byte passes the portal on its way in."""

from __future__ import annotations

import os
from pathlib import Path

import httpx2
import pytest
from django.test import Client
from django.utils import timezone
from huggingface_hub import HfApi, hf_hub_download

from portal.catalog.quarantine.checking import run_next
from portal.storage import direct
from tests.portal.hub.desk import Desk, file_line, lfs_line, local, make_desk, sha256_of

pytestmark = pytest.mark.django_db
MEGABYTE = 1 << 20


@pytest.fixture
def desk(db, client, s3_store, settings) -> Desk:
    settings.STORAGE = "s3"
    return make_desk(client)


def actions(desk, content):
    (answer,) = desk.batch(content).json()["objects"]
    return answer["actions"]


def verify(desk, upload_actions):
    return desk.client.post(local(upload_actions["verify"]["href"]))


def test_a_file_goes_to_the_bucket_and_counts_when_it_is_verified(desk, s3_store):
    content = os.urandom(MEGABYTE)
    upload_actions = actions(desk, content)
    assert httpx2.put(upload_actions["upload"]["href"], content=content).status_code == 200
    assert desk.commit(lfs_line("m.dat", content)).status_code == 422
    assert verify(desk, upload_actions).status_code == 200
    assert verify(desk, upload_actions).status_code == 200
    assert desk.commit(lfs_line("m.dat", content)).status_code == 200
    assert s3_store.has(sha256_of(content))
    assert s3_store.has(desk.head.files.get(path="SHA256SUMS").blob_id)


def test_a_large_one_goes_in_parts(desk, s3_store, monkeypatch):
    monkeypatch.setattr(direct, "PART_BYTES", 5 * MEGABYTE)
    content = os.urandom(6 * MEGABYTE)
    upload_actions = actions(desk, content)
    header = upload_actions["upload"]["header"]
    size, parts = int(header["chunk_size"]), []
    for number in (1, 2):
        part = content[(number - 1) * size : number * size]
        answer = httpx2.put(header[str(number)], content=part)
        parts.append({"partNumber": number, "etag": answer.headers["etag"]})
    complete = local(upload_actions["upload"]["href"])
    content_of = {"oid": sha256_of(content), "parts": parts}
    assert desk.call("post", complete, content_of, secret="").status_code == 200
    assert verify(desk, upload_actions).status_code == 200
    assert desk.commit(lfs_line("m.safetensors", content)).status_code == 200


def test_what_a_check_would_fetch_from_the_bucket_counts_for_who_does_it(desk, settings):
    settings.CHECK_IN_REQUEST_BYTES = 5000
    files = {f"notes/{number}.txt": b"Notes. " * 200 for number in range(5)}
    lines = [file_line(path, content) for path, content in files.items()]
    few = desk.commit(lines[0])
    assert "X-HF-Warning" not in few
    many = desk.commit(*lines)
    assert "being checked" in many["X-HF-Warning"]
    assert run_next(timezone.now)
    assert desk.shown.commit == many.json()["commitOid"]


def test_wrong_bytes_never_count(desk, s3_store):
    content = os.urandom(1000)
    upload_actions = actions(desk, content)
    httpx2.put(upload_actions["upload"]["href"], content=os.urandom(1000))
    response = verify(desk, upload_actions)
    assert response.status_code == 422
    assert "Nothing was kept" in response["X-Error-Message"]
    assert desk.commit(lfs_line("m.safetensors", content)).status_code == 422
    assert not s3_store.has(sha256_of(content))


def test_what_never_came_is_told(desk):
    response = verify(desk, actions(desk, b"never sent"))
    assert response.status_code == 422
    assert "not brought" in response["X-Error-Message"]


@pytest.mark.parametrize(
    "parts", [None, [], [{"partNumber": "1", "etag": "x"}], [{"partNumber": 1}], [1]]
)
def test_parts_that_cannot_be_read(desk, parts, monkeypatch):
    monkeypatch.setattr(direct, "PART_BYTES", 5 * MEGABYTE)
    complete = local(actions(desk, os.urandom(6 * MEGABYTE))["upload"]["href"])
    response = desk.call("post", complete, {"parts": parts}, secret="")
    assert response.status_code == 400
    assert "part" in response["X-Error-Message"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", [MEGABYTE, 11 * MEGABYTE])
def test_the_real_client_brings_and_fetches(
    live_server, s3_store, settings, monkeypatch, tmp_path, size
):
    """Whole and in parts, past the portal both ways."""
    settings.STORAGE, settings.BASE_URL = "s3", live_server.url
    monkeypatch.setattr(direct, "PART_BYTES", 5 * MEGABYTE)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    desk = make_desk(Client())
    source = tmp_path / "m.safetensors"
    source.write_bytes(os.urandom(size))
    api = HfApi(endpoint=live_server.url, token=desk.secret)
    api.upload_file(path_or_fileobj=source, path_in_repo=source.name, repo_id=desk.name)
    assert s3_store.size_bytes(sha256_of(source.read_bytes())) == size
    fetched = hf_hub_download(
        desk.name,
        source.name,
        endpoint=live_server.url,
        token=desk.secret,
        cache_dir=tmp_path / "cache",
    )
    assert Path(fetched).read_bytes() == source.read_bytes()

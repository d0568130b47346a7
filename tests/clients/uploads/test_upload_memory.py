"""A large file goes through the portal in pieces: its servers grow by little while it passes."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi

from tests.live import Live

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]
MEGABYTE = 1 << 20
SIZE = 64 * MEGABYTE
ROOM = 24 * MEGABYTE


def peak_bytes(pid: int) -> int:
    """Return the most memory that a process has had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (found,) = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return int(found) * 1024


def servers(stack: Live) -> list[int]:
    """Every process that serves HTTP, nginx's and gunicorn's workers among them."""
    heads = [pid for name in ("web", "streams", "nginx") if (pid := stack.pid(name))]
    return [*heads, *(child for pid in heads for child in _children(pid))]


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(pid) for pid in text.split()]


@pytest.fixture
def repo(stack: Live, monkeypatch) -> str:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    publisher = stack.account("publisher")
    api = HfApi(endpoint=stack.base_url, token=publisher["token"])
    name = f"{publisher['username']}/large-{uuid.uuid4().hex[:8]}"
    api.create_repo(name)
    api.upload_file(path_or_fileobj=b"warm", path_in_repo="warm.safetensors", repo_id=name)
    return name


def test_a_large_file_leaves_memory_as_it_is(stack: Live, repo, tmp_path):
    api = HfApi(endpoint=stack.base_url, token=stack.account("publisher")["token"])
    source = tmp_path / "large.safetensors"
    source.write_bytes(os.urandom(SIZE))
    before = {pid: peak_bytes(pid) for pid in servers(stack)}
    api.upload_file(path_or_fileobj=source, path_in_repo=source.name, repo_id=repo)
    grown = {pid: peak_bytes(pid) - peak for pid, peak in before.items()}
    assert max(grown.values()) < ROOM, grown
    (entry,) = api.get_paths_info(repo, [source.name])
    assert entry.lfs.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()


def test_a_wrong_hash_is_a_422_and_nothing_stays(stack: Live, repo):
    bearer = {"Authorization": f"Bearer {stack.account('publisher')['token']}"}
    announced = {"oid": hashlib.sha256(os.urandom(8)).hexdigest(), "size": MEGABYTE}
    body = {"operation": "upload", "transfers": ["basic"], "objects": [announced]}
    batch = f"{stack.base_url}/{repo}.git/info/lfs/objects/batch"
    (answer,) = httpx2.post(batch, json=body, headers=bearer).json()["objects"]
    url = answer["actions"]["upload"]["href"]
    for content in (os.urandom(MEGABYTE), os.urandom(MEGABYTE + 1), b"short"):
        refused = httpx2.put(url, content=content)
        assert refused.status_code == 422
        assert "Nothing was kept" in refused.headers["x-error-message"]
    assert list((stack.var / "blobs" / ".incoming").iterdir()) == []

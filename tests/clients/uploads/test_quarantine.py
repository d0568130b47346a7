"""Others see what the installed client uploads, broken or in pieces, once it is whole."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx2
import numpy as np
import pytest
from django.utils import timezone
from huggingface_hub import HfApi
from huggingface_hub.errors import RevisionNotFoundError
from safetensors.numpy import load_file, save_file

from portal.accounts.services import let_publish
from portal.catalog.models import Revision, RevisionCheck
from tests.factories.accounts import make_token, make_user
from tests.factories.jobs import tiny_model
from tests.portal.world import SHARD, World

pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _without_xet(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)


@pytest.fixture
def secret(hub: World) -> str:
    """Return the token of somebody who publishes the world's model, whose gate is for requests."""
    person, now = make_user(), timezone.now()
    operator = make_user(superuser=True)
    let_publish(actor=operator, namespace=hub.repo.namespace, user=person, now=now)
    return make_token(person, now=now)[1]


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return tiny_model(tmp_path / "whole")


def hf_upload(settings, secret: str, *arguments: str, home: Path) -> subprocess.CompletedProcess:
    program = str(Path(sys.executable).with_name("hf"))
    known = {"HF_ENDPOINT": settings.BASE_URL, "HF_TOKEN": secret, "HF_HUB_DISABLE_XET": "1"}
    path = {"PATH": os.environ["PATH"], "HOME": str(home), "NO_PROXY": "127.0.0.1"}
    return subprocess.run(
        [program, "upload", *arguments],
        env=path | known,
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )


def state(settings, secret: str, name: str) -> None:
    """State by what right the weights of a model are hosted, as its publisher does by the API."""
    url = f"{settings.BASE_URL}/api/v1/models/{name}/settings/"
    headers = {"Authorization": f"Bearer {secret}"}
    httpx2.patch(url, json={"licensor": True}, headers=headers).raise_for_status()


def spoilt(whole: Path, folder: Path) -> dict[str, bytes]:
    """Return a NaN shard, half a shard and the word garbage, by what they are."""
    shard = next(whole.glob("*-00001-of-*.safetensors"))
    tensors = load_file(shard)
    name = sorted(tensors)[0]
    tensors[name] = np.full_like(tensors[name], np.nan)
    save_file(tensors, folder / "nan")
    content = shard.read_bytes()
    return {
        "NaN": (folder / "nan").read_bytes(),
        "cut short": content[: len(content) // 2],
        "not a safetensors file": b"garbage",
    }


def test_what_hf_uploads_broken_is_its_publishers_alone(hub, secret, whole, settings, tmp_path):
    name, publisher = hub.repo.full_name, HfApi(endpoint=settings.BASE_URL, token=secret)
    others = [HfApi(endpoint=settings.BASE_URL, token=token) for token in (hub.secret, False)]
    hf_upload(settings, secret, name, str(whole), ".", home=tmp_path)
    before = others[0].model_info(name).sha
    assert before == publisher.model_info(name).sha
    for words, content in spoilt(whole, tmp_path).items():
        (tmp_path / SHARD).write_bytes(content)
        done = hf_upload(settings, secret, name, str(tmp_path / SHARD), SHARD, home=tmp_path)
        commit = publisher.model_info(name).sha
        assert commit != before
        assert words in done.stdout + done.stderr
        revision = Revision.everything.get(commit=commit)
        assert not hasattr(revision, "signature")
        assert words in str(RevisionCheck.objects.get(revision=revision).problems)
        for other in others:
            assert other.model_info(name).sha == before
            assert commit not in str([*other.list_repo_commits(name), other.list_repo_refs(name)])
            with pytest.raises(RevisionNotFoundError):
                other.model_info(name, revision=commit)
    (whole / "notes.txt").write_text("Mended.")
    hf_upload(settings, secret, name, str(whole), ".", home=tmp_path)
    mended = publisher.model_info(name).sha
    assert [other.model_info(name).sha for other in others] == [mended, mended]
    assert Revision.objects.get(commit=mended).signature


def test_a_folder_in_pieces_is_seen_whole(hub, secret, whole, settings, tmp_path):
    publisher = HfApi(endpoint=settings.BASE_URL, token=secret)
    reader = HfApi(endpoint=settings.BASE_URL, token=False)
    name = f"{hub.repo.namespace.name}/pieces"
    publisher.create_repo(name)
    publisher.update_repo_settings(name, private=False)
    state(settings, secret, name)
    first = tmp_path / "first"
    shutil.copytree(whole, first, ignore=shutil.ignore_patterns("*-00002-of-*", "*.md"))
    publisher.upload_folder(repo_id=name, folder_path=first)
    assert SHARD in publisher.list_repo_files(name)
    assert reader.list_repo_files(name) == [".gitattributes"]
    publisher.upload_folder(repo_id=name, folder_path=whole)
    brought = {path.name for path in whole.iterdir() if path.is_file()}
    assert brought < set(reader.list_repo_files(name))

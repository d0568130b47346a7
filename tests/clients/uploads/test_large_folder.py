"""A large folder goes up in several commits: its publisher reads each, others see the whole."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from django.utils import timezone
from huggingface_hub import HfApi
from huggingface_hub.errors import RevisionNotFoundError

from portal.accounts.models import User
from portal.accounts.services import let_publish
from portal.catalog.models import ModelRepo, Revision
from portal.catalog.quarantine.consenting import state_right
from portal.catalog.statements import HostingStatement
from tests.factories.accounts import make_token, make_user
from tests.factories.jobs import tiny_model
from tests.portal.world import World

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv-peers/huggingface_hub-1.33.0/bin/python"
STEPS = ROOT / "scripts/peers/hub_accepts.py"
NOTES = 70  # the client begins with 50 files in a commit
pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _without_xet(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)


@pytest.fixture
def publisher(hub: World) -> User:
    person = make_user()
    operator, now = make_user(superuser=True), timezone.now()
    let_publish(actor=operator, namespace=hub.repo.namespace, user=person, now=now)
    return person


@pytest.fixture
def api(settings, publisher: User) -> HfApi:
    token = make_token(publisher, now=timezone.now())[1]
    return HfApi(endpoint=settings.BASE_URL, token=token)


@pytest.fixture
def others(settings, hub: World) -> list[HfApi]:
    return [HfApi(endpoint=settings.BASE_URL, token=token) for token in (hub.secret, False)]


@pytest.fixture
def name(hub: World, api: HfApi, publisher: User) -> str:
    """Make a public model whose right to be hosted is stated; return its name."""
    made = api.create_repo(f"{hub.repo.namespace.name}/large")
    api.update_repo_settings(made.repo_id, private=False)
    large, now = ModelRepo.objects.get(name="large"), timezone.now()
    state_right(actor=publisher, repo_id=large.pk, statement=HostingStatement(), now=now)
    return made.repo_id


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tiny_model(tmp_path / "large")
    (folder / "notes").mkdir()
    for number in range(NOTES):
        (folder / "notes" / f"{number:03}.txt").write_text(f"Note {number}.")
    return folder


def files_in(folder: Path) -> set[str]:
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in files if ".cache" not in path.parts}


def require_unseen(others: list[HfApi], name: str, commit: str) -> None:
    for other in others:
        assert commit not in str([*other.list_repo_commits(name), other.list_repo_refs(name)])
        with pytest.raises(RevisionNotFoundError):
            other.list_repo_files(name, revision=commit)


@pytest.mark.skipif(not PYTHON.exists(), reason="scripts/test-packages could not install it")
def test_upload_large_folder_commits_in_pieces(settings, api, others, name, folder, tmp_path):
    surroundings = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "HF_ENDPOINT": settings.BASE_URL,
        "HF_TOKEN": str(api.token),
        "HF_HUB_DISABLE_XET": "1",
    }
    command = [str(PYTHON), str(STEPS), "upload_large", name, str(folder)]
    done = subprocess.run(
        command, env=surroundings, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    newest, whole = api.model_info(name).sha, files_in(folder)
    commits = Revision.everything.filter(repo__name="large").exclude(commit=newest)
    earlier = list(commits.values_list("commit", flat=True))
    assert whole <= set(api.list_repo_files(name, revision=newest))
    pieces = [set(api.list_repo_files(name, revision=commit)) for commit in earlier]
    assert any(piece & whole for piece in pieces)  # more commits than one
    shards = {path for path in whole if path.endswith(".safetensors")}
    for commit, piece in zip(earlier, pieces, strict=True):
        if not shards <= piece and piece & whole - {"README.md", "LICENSE"}:
            require_unseen(others, name, commit)
    for other in others:
        assert whole <= set(other.list_repo_files(name))


def test_the_pieces_of_the_newest_client_are_read_at_once(api, others, name, folder):
    """The newest client has no ``upload_large_folder``; without Xet one calls it piece by piece."""
    seen_before = set(others[0].list_repo_files(name))
    pieces = ["*.json", "*-00001-of-*", "notes/*"]
    for pattern in pieces:
        made = api.upload_folder(repo_id=name, folder_path=folder, allow_patterns=pattern)
        assert api.model_info(name).sha == made.oid
        brought = {path for path in files_in(folder) if Path(path).match(pattern)}
        assert brought <= set(api.list_repo_files(name, revision=made.oid))
        require_unseen(others, name, made.oid)
        assert set(others[0].list_repo_files(name)) == seen_before
    last = api.upload_folder(repo_id=name, folder_path=folder)
    for other in others:
        assert other.model_info(name).sha == last.oid
        assert files_in(folder) <= set(other.list_repo_files(name))

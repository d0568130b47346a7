"""A model makes its journey by the Hub's client of the 1.x line, installed by itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone

from portal.accounts.services import let_publish
from portal.catalog.models import ModelRepo
from portal.catalog.quarantine.consenting import state_right
from portal.catalog.statements import HostingStatement
from tests.factories.access import make_request
from tests.factories.accounts import make_token, make_user
from tests.factories.jobs import tiny_model
from tests.portal.world import World

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-peers/huggingface_hub-1.33.0/bin/python"
STEPS = ROOT / "scripts/peers/hub_accepts.py"
pytestmark = [
    pytest.mark.clients,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not PYTHON.exists(), reason="scripts/test-packages could not install it"),
]
CARD = "---\nlicense: other\nlicense_name: noncommercial\n---\n# A small model\n"
Step = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def step(hub: World, settings, tmp_path: Path) -> Step:
    """Run a step as the holder of a token."""

    def run(token: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        surroundings = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "HF_ENDPOINT": settings.BASE_URL,
            "HF_TOKEN": token,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        return subprocess.run(
            [PYTHON, STEPS, *arguments],
            env=surroundings,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_what_is_uploaded_comes_to_whom_the_team_accepts(hub: World, step: Step, tmp_path: Path):
    publisher, applicant, now = make_user(), make_user(), timezone.now()
    operator = make_user(superuser=True)
    let_publish(actor=operator, namespace=hub.repo.namespace, user=publisher, now=now)
    tokens = [make_token(person, now=now)[1] for person in (publisher, applicant)]
    name = f"{hub.repo.namespace.name}/small"
    folder = tiny_model(tmp_path / "folder")
    (folder / "README.md").write_text(CARD)

    uploaded = step(tokens[0], "upload", name, folder)
    assert uploaded.returncode == 0, uploaded.stderr
    small = ModelRepo.objects.get(name="small")
    state_right(actor=publisher, repo_id=small.pk, statement=HostingStatement(), now=now)
    early = step(tokens[1], "download", name, tmp_path / "early")
    assert "GatedRepoError" in early.stderr
    make_request(ModelRepo.objects.get(name="small"), applicant, now=now)
    accepted = step(tokens[0], "accept", name)
    assert accepted.returncode == 0, accepted.stderr
    fetched = step(tokens[1], "download", name, tmp_path / "fetched")
    assert fetched.returncode == 0, fetched.stderr
    for file in folder.iterdir():
        assert (tmp_path / "fetched" / file.name).read_bytes() == file.read_bytes()

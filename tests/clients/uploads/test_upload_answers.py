"""The command line of huggingface_hub makes sense of answers that are neither yes nor no."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.catalog.models import ModelRepo
from tests.portal.catalog.pickles.files import HARMLESS, PICKLES
from tests.portal.hub.desk import Desk, make_desk

pytestmark = pytest.mark.django_db(transaction=True)
HF = Path(sys.executable).with_name("hf")


@pytest.fixture
def desk(live_server, client, settings) -> Desk:
    settings.BASE_URL = live_server.url
    return make_desk(client)


def upload(desk: Desk, base_url: str, home: Path, repo: str, folder: Path):
    surroundings = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "HF_ENDPOINT": base_url,
        "HF_TOKEN": desk.secret,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    command = [HF, "upload", repo, folder, "."]
    return subprocess.run(
        command, env=surroundings, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_trainers_push_by_an_old_name_arrives_at_the_new_one(desk, live_server, tmp_path):
    """The client makes the repo first, goes on from the 409, and follows each redirect."""
    old, new = desk.name, f"{desk.lab.name}/renamed"
    content = {"fromRepo": old, "toRepo": new, "type": "model"}
    assert desk.call("post", "/api/repos/move", content).status_code == 200
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "m.safetensors").write_bytes(HARMLESS["floats"])
    (folder / "training_args.bin").write_bytes(PICKLES["torch's zip"])
    done = upload(desk, live_server.url, tmp_path, old, folder)
    assert done.returncode == 0, done.stderr
    assert "Left out" in done.stderr
    assert "training_args.bin" in done.stderr
    desk.name = new
    assert {"m.safetensors", "training_args.bin"} & set(desk.paths()) == {"m.safetensors"}
    assert ModelRepo.objects.count() == 1
    (folder / "weights.dat").write_bytes(PICKLES["protocol 4"])
    refused = upload(desk, live_server.url, tmp_path, new, folder)
    assert refused.returncode != 0
    assert "weights.dat is a pickle" in refused.stderr

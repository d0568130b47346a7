"""Tools that know a user and a password fetch with the token; git is told what fetches instead."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.portal.world import World

pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True)]
TOOLS = {
    "curl": ["curl", "-sSfL", "-u", "anybody:TOKEN", "-o", "got", "URL"],
    "curl-address": ["curl", "-sSfL", "-o", "got", "PLACE"],
    "wget": ["wget", "-q", "--user=anybody", "--password=TOKEN", "-O", "got", "URL"],
    "wget-address": ["wget", "-q", "-O", "got", "PLACE"],
}


@pytest.mark.parametrize("command", TOOLS.values(), ids=TOOLS)
def test_a_tool_that_knows_a_password_fetches_with_the_token(
    hub: World, settings, tmp_path: Path, command: list[str]
):
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    url = f"{settings.BASE_URL}{hub.url('config.json')}"
    place = url.replace("://", f"://anybody:{hub.secret}@")
    names = {"TOKEN": hub.secret, "URL": url, "PLACE": place}
    for name, value in names.items():
        command = [part.replace(name, value) for part in command]
    done = run(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "got").read_bytes() == hub.bytes_of("config.json")


@pytest.mark.parametrize("ending", ["", ".git", "/"])
def test_git_tells_its_user_what_fetches_instead(hub: World, settings, tmp_path: Path, ending: str):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    done = run("git", "clone", f"{settings.BASE_URL}/{hub.repo.full_name}{ending}", cwd=tmp_path)
    assert done.returncode != 0
    assert f"HF_ENDPOINT={settings.BASE_URL} hf download {hub.repo.full_name}" in done.stderr


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    quiet = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), "GIT_TERMINAL_PROMPT": "0"}
    return subprocess.run(
        command, cwd=cwd, env=quiet, capture_output=True, text=True, timeout=60, check=False
    )

"""The systemd units are well formed, and their commands start a whole site."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest
from django.db import connection
from redis import Redis

from portal import env_file
from portal.embedded.demo.parts import ROOT
from portal.jobs.ticks import KEY
from tests.deploy.units import FOLDER, PROGRAM, SERVICES, read_unit
from tests.factories.accounts import make_user
from tests.hosts.backends import RIGHTS
from tests.portal.setup.installing import bare
from tests.upgrades.restoring import url_of
from tests.waiting import wait_until

START_SECONDS = 200
STRICT = ("ProtectSystem", "NoNewPrivileges", "CapabilityBoundingSet", "SystemCallFilter")


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_each_process_is_confined_and_runs_as_its_own_account(path):
    unit = read_unit(path)
    assert unit.lines["User"] == "weightgate"
    assert [name for name in STRICT if name not in unit.lines] == []
    assert unit.lines["WorkingDirectory"] == f"/var/lib/{unit.lines['StateDirectory']}"


def test_systemd_finds_nothing_wrong(tmp_path):
    systemd = shutil.which("systemd-analyze")
    if systemd is None:
        pytest.skip("systemd-analyze is not installed")
    for path in FOLDER.iterdir():  # it asks that the program is there
        text = path.read_text().replace(PROGRAM, shutil.which("true") or "")
        (tmp_path / path.name).write_text(text)
    verify = [systemd, "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_rights_of_each_hosts_role_are_those_of_the_documentation():
    assert RIGHTS.strip() in (ROOT / "docs/install.md").read_text()


@pytest.fixture
def home() -> Iterator[Path]:
    """Yield a folder with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="wg-units-") as folder:
        yield Path(folder)


@pytest.mark.timeout(600)
@pytest.mark.django_db(transaction=True)
def test_their_commands_start_a_whole_site(home):
    """Pages and streams answer on their sockets; beat's tasks reach the worker."""
    make_user(superuser=True)  # without an operator, every address says how to begin
    settings = home / "weightgate.env"
    env_file.complete(settings, settings_of(home))
    redis = Redis.from_url(os.environ["REDIS_URL"])
    redis.delete(KEY)
    with ExitStack() as running:
        for path in SERVICES:
            running.enter_context(process(read_unit(path).arguments, home, settings))
        wait_until(lambda: answer(home / "pages.sock", "/readyz") == 200, START_SECONDS)
        wait_until(lambda: answer(home / "streams.sock", "/v1/models") == 401, START_SECONDS)
        wait_until(lambda: redis.get(KEY), START_SECONDS, "a task of beat's")


def settings_of(home: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": url_of(connection.settings_dict["NAME"]),
        "REDIS_URL": os.environ["REDIS_URL"],
        "WEIGHTGATE_SECRET_KEY": os.environ["WEIGHTGATE_SECRET_KEY"],
        "WEIGHTGATE_VAR": str(home / "var"),
    }


@contextmanager
def process(arguments: list[str], home: Path, settings: Path) -> Iterator[None]:
    """Run a unit's command, its sockets in a folder of the test's own."""
    moved = [word.replace("/run/weightgate", str(home)) for word in arguments]
    with (home / f"{'-'.join(arguments[:2])}.log").open("wb") as log:
        command = subprocess.Popen(
            [sys.executable, "-m", "portal.cli", *moved],
            cwd=ROOT,
            env=bare(WEIGHTGATE_ENV_FILE=str(settings), OMP_NUM_THREADS="1"),
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        command.send_signal(signal.SIGTERM)
        command.wait(60)


def answer(socket: Path, path: str) -> int:
    """Return the status that a process gives on its socket; 0 while there is none."""
    try:
        with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(socket))) as client:
            return client.get(f"http://127.0.0.1{path}", timeout=30).status_code
    except httpx2.TransportError:
        return 0

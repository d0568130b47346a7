"""The demo as a whole: what it publishes, what it survives, what it leaves."""

import os
import re
import stat
import subprocess
import sys
import urllib.request

import pytest

from portal.embedded.demo.parts import ROOT
from tests.waiting import wait_until

ROLES = {"approved", "applicant", "newcomer", "reviewer", "publisher", "publisher2", "operator"}
PARTS = ("web", "valkey", "postgres", "worker", "beat")

pytestmark = pytest.mark.xdist_group("live")


def test_demo_json_has_all_that_a_client_needs(live):
    demo = live.demo
    assert demo["base_url"] == f"http://127.0.0.1:{live.port}"
    assert set(demo["accounts"]) == ROLES
    for account in demo["accounts"].values():
        assert set(account) >= {"username", "email", "password", "token"}
        assert account["token"].startswith("wg_")
    for account in demo["others"].values():
        assert set(account) == {"username", "email", "password"}
    assert set(demo["repos"]) == {"open", "licence", "gated"}
    assert set(demo["pids"]) == set(PARTS)
    assert stat.S_IMODE((live.var / "demo.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("part", PARTS)
def test_a_killed_part_comes_back_and_all_is_ready(live, part):
    new = live.kill(part)
    os.kill(new, 0)
    with urllib.request.urlopen(f"{live.base_url}/readyz") as answer:  # noqa: S310
        assert answer.status == 200


def test_a_second_demo_on_the_same_folder_is_refused(live):
    second = subprocess.run(
        [sys.executable, "-m", "portal.embedded", "demo", "--var", live.var, "--port", "0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert second.returncode == 1
    assert f"in use by process {live.process.pid}" in second.stderr
    assert live.demo


def test_the_screen_says_what_to_open_and_paste(live):
    screen = wait_until(lambda: "Ctrl-C stops" in live.output() and live.output())
    assert live.base_url in screen
    assert live.account("reviewer")["password"] in screen
    assert f"hf download {live.demo['repos']['gated']}" in screen


def test_a_start_after_kill_9_finds_all_in_place_and_makes_nothing_anew(live):
    """How long it takes is measured by `make bench`."""
    before = live.demo
    live.crash()
    live.start()
    after = live.demo
    assert after["accounts"] == before["accounts"]
    assert not set(after["pids"].values()) & set(before["pids"].values())
    assert not {"tables", "model", "demo data"} & set(re.findall(r"✓ (\D+?) +\d", live.output()))


def test_manage_beside_a_running_demo_needs_no_settings(live):
    configured = ("WEIGHTGATE_", "DATABASE_URL", "REDIS_URL", "DJANGO_")
    bare = {name: value for name, value in os.environ.items() if not name.startswith(configured)}
    checked = subprocess.run(
        [sys.executable, "manage.py", "verify_audit"],
        cwd=ROOT,
        env=bare | {"WEIGHTGATE_VAR": str(live.var)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert "unbroken" in checked.stdout

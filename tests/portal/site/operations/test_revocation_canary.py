"""``manage.py revocation_canary`` against the running demo."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from portal.embedded.demo.parts import ROOT

pytestmark = pytest.mark.xdist_group("live")


def run(live, command, *arguments):
    before = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WEIGHTGATE_", "DATABASE_", "REDIS_", "DJANGO_"))
    }
    return subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", command, *arguments],
        cwd=ROOT,
        env=before | {"WEIGHTGATE_VAR": str(live.var)},
        capture_output=True,
        text=True,
        timeout=180,
    )


def test_a_revocation_stops_ranges_links_and_jobs_within_ten_seconds(live):
    done = run(live, "revocation_canary", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["repo"] == live.demo["repos"]["gated"]
    assert set(figures["seconds"]) == {"range", "link", "job"}
    assert all(seconds <= 10 for seconds in figures["seconds"].values())
    again = run(live, "revocation_canary", "--no-job")
    assert again.returncode == 0, again.stderr
    assert "the next range was refused: after" in again.stdout
    assert run(live, "grant_check").returncode == 0
    assert run(live, "verify_audit").returncode == 0


def test_over_its_limit_it_fails(live):
    done = run(live, "revocation_canary", "--no-job", "--max-seconds", "0")
    assert done.returncode == 1
    assert "Over 0 seconds" in done.stderr
    assert run(live, "revocation_canary", "--repo", "no/such").returncode == 1

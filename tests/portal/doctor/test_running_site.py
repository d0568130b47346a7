"""A site that runs as in production is found well from outside, through nginx too."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from portal.embedded.demo.parts import ROOT
from tests.waiting import wait_until

OF_A_DEMO = {"settings"}  # DEMO is 1, and the address is this host's alone


@pytest.mark.xdist_group("live_split")
def test_all_but_what_makes_it_a_demo_is_well(live_split):
    findings = wait_until(lambda: without_waiting(live_split.var), 60, "a worker that is heard")
    faulty = {finding["check"] for finding in findings if finding["state"] == "fault"}
    assert faulty == OF_A_DEMO, findings
    by_check = {finding["check"]: finding for finding in findings}
    assert by_check["nginx"]["state"] == "ok"
    assert by_check["streams"]["state"] == "ok"


def without_waiting(var):
    """Return the findings, or nothing while the clock hasn't ticked yet."""
    findings = doctor(var)
    waiting = any(
        finding["check"] == "workers" and finding["state"] == "fault" for finding in findings
    )
    return [] if waiting else findings


def doctor(var) -> list[dict[str, str]]:
    environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", "doctor", "--json"],
        cwd=ROOT,
        env=environment | {"WEIGHTGATE_VAR": str(var)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    return json.loads(done.stdout)["findings"]

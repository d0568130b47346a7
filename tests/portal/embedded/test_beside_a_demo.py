"""Another terminal beside a demo: it is told where the demo lies, wherever that is."""

from __future__ import annotations

import os
import subprocess
import sys

from portal.embedded.demo import screen
from portal.embedded.demo.parts import ROOT

DEMO = {
    "base_url": "http://127.0.0.1:8000",
    "accounts": {"approved": {"username": "a", "password": "b", "token": "wg_x"}},
    "repos": {"gated": "lab/opt"},
    "hosted_model": "lab/opt",
}


def test_the_screen_exports_a_place_that_is_not_the_usual_one(tmp_path):
    elsewhere = tmp_path / "a demo"
    assert f"export WEIGHTGATE_VAR='{elsewhere}'" in screen.render(DEMO, "python", elsewhere)
    assert "WEIGHTGATE_VAR" not in screen.render(DEMO, "python", ROOT / "var")


def test_without_settings_manage_py_says_what_it_needs_in_one_sentence(tmp_path):
    environment = {"PATH": os.environ["PATH"], "WEIGHTGATE_VAR": str(tmp_path)}
    for words in (("verify_audit",), ("check",)):
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert "WEIGHTGATE_SECRET_KEY" in done.stderr
        assert "WEIGHTGATE_VAR" in done.stderr

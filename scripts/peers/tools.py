"""Check what a running demo tells git, and gives to tools that know a password."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

from checks import run

ENDPOINT, MODEL = os.environ["HF_ENDPOINT"], os.environ["MODEL"]
APPROVED, NEWCOMER = os.environ["APPROVED"], os.environ["NEWCOMER"]


def ended(*command: str) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(
            command,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )


def git_is_told_what_fetches_instead() -> None:
    for ending in ("", ".git"):
        refused = ended("git", "clone", f"{ENDPOINT}/{MODEL}{ending}")
        assert refused.returncode != 0
        assert f"hf download {MODEL}" in refused.stderr, refused.stderr


def config(user: str) -> subprocess.CompletedProcess[str]:
    return ended("curl", "-sSfL", "-u", user, f"{ENDPOINT}/{MODEL}/resolve/main/config.json")


def curl_fetches_with_the_token_as_password() -> None:
    for user in (f"anybody:{APPROVED}", f"{APPROVED}:"):
        fetched = config(user)
        assert fetched.returncode == 0, fetched.stderr
        assert json.loads(fetched.stdout)["model_type"]


def curl_passes_no_gate_with_it() -> None:
    for user in (f"anybody:{NEWCOMER}", "anybody:a password"):
        assert config(user).returncode == 22


CHECKS = (
    git_is_told_what_fetches_instead,
    curl_fetches_with_the_token_as_password,
    curl_passes_no_gate_with_it,
)

if __name__ == "__main__":
    sys.exit(run("git and curl", CHECKS))

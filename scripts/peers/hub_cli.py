"""Check what the command line of an installed huggingface_hub gets from a running demo.

Runs in an environment of its own, beside the other checks; from version 0.36 on.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from checks import run

MODEL, OPEN_MODEL = os.environ["MODEL"], os.environ["OPEN_MODEL"]
APPROVED, NEWCOMER = os.environ["APPROVED"], os.environ["NEWCOMER"]
SHARD = "model-00001-of-00002.safetensors"


def hf(*arguments: str, token: str = APPROVED) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("hf"))
    environment = {**os.environ, "NO_COLOR": "1"}
    if token:
        environment["HF_TOKEN"] = token
    return subprocess.run(
        [program, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def done(*arguments: str, token: str = APPROVED) -> str:
    ended = hf(*arguments, token=token)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def whoami_names_the_account() -> None:
    assert done("auth", "whoami").strip()


def the_token_is_taken_with_the_prefix_of_the_hub() -> None:
    assert done("auth", "whoami", token=f"hf_{APPROVED}") == done("auth", "whoami")


def a_download_is_whole() -> None:
    with tempfile.TemporaryDirectory() as folder:
        done("download", MODEL, "--local-dir", folder)
        for line in (Path(folder) / "SHA256SUMS").read_text().splitlines():
            digest, _, path = line.partition("  ")
            content = (Path(folder) / path).read_bytes()
            assert hashlib.sha256(content).hexdigest() == digest, path


def patterns_and_revisions_are_heeded() -> None:
    with tempfile.TemporaryDirectory() as folder:
        chosen = ["--include", "*.json", "--revision", "main"]
        done("download", MODEL, *chosen, "--local-dir", folder)
        names = {path.name for path in Path(folder).iterdir() if path.is_file()}
        assert "config.json" in names
        assert SHARD not in names


def the_open_model_needs_no_token() -> None:
    with tempfile.TemporaryDirectory() as folder:
        done("download", OPEN_MODEL, "config.json", "--local-dir", folder, token="")


def the_gate_names_our_page() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ended = hf("download", MODEL, SHARD, "--local-dir", folder, token=NEWCOMER)
    assert ended.returncode != 0
    assert os.environ["HF_ENDPOINT"] in ended.stdout + ended.stderr


CHECKS = (
    whoami_names_the_account,
    the_token_is_taken_with_the_prefix_of_the_hub,
    a_download_is_whole,
    patterns_and_revisions_are_heeded,
    the_open_model_needs_no_token,
    the_gate_names_our_page,
)

if __name__ == "__main__":
    sys.exit(run("command line", CHECKS))

"""Clients of other versions than the tests', each in an environment of its own; `make test-peers`.

The demo is started once as one process and once behind nginx, and every client meets both.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from throwaway import ROOT

from tests.live import Live, running

HOME = ROOT / ".venv-peers"
HUBS = {
    "2.4.0": ("hub_reads.py", "hub_writes.py", "hub_cli.py"),
    "1.33.0": ("hub_reads.py", "hub_writes.py", "hub_cli.py"),
    "0.36.2": ("hub_reads.py", "hub_writes.py", "hub_cli.py"),
    "0.23.5": ("hub_reads.py",),  # of 2024: it reads fields without asking whether they are there
}
JAVASCRIPT = "@huggingface/hub@2.17.5"
PEERS = ROOT / "scripts/peers"
Command = list[str | Path]


def main() -> int:
    commands = [*in_python(), *in_javascript(), *with_tools()]
    failed = 0
    for web in ("single", "split"):
        with running(web) as live:
            for name, command in commands:
                print(f"{name}, {web}:", flush=True)
                ended = subprocess.run(command, env=surroundings(live), cwd=live.var, check=False)
                failed += ended.returncode != 0
    return 1 if failed else 0


def in_python() -> Iterator[tuple[str, Command]]:
    for version, checks in HUBS.items():
        python = environment(f"huggingface_hub=={version}")
        for name in checks:
            yield f"huggingface_hub {version}", [python, PEERS / name]


def in_javascript() -> Iterator[tuple[str, Command]]:
    """Install the Hub's own client beside a copy of its checks, since node looks for it there."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        print(f"{JAVASCRIPT}: skipped, as there is no node or no npm here")
        return
    folder = HOME / "javascript"
    folder.mkdir(parents=True, exist_ok=True)
    install = [npm, "install", "--silent", "--no-save", "--prefix", str(folder), JAVASCRIPT]
    if not (folder / "node_modules/@huggingface/hub").exists():
        subprocess.run(install, check=True)
    shutil.copy(PEERS / "hub_js.mjs", folder)
    yield JAVASCRIPT, [node, folder / "hub_js.mjs"]


def with_tools() -> Iterator[tuple[str, Command]]:
    if absent := [tool for tool in ("git", "curl") if shutil.which(tool) is None]:
        print(f"git and curl: skipped, as there is no {absent[0]} here")
        return
    yield "git and curl", [sys.executable, PEERS / "tools.py"]


def environment(requirement: str) -> Path:
    """Made once, and kept: remove .venv-peers/ to make them anew."""
    folder = HOME / requirement.replace("==", "-")
    python = folder / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", requirement], check=True)
    return python


def surroundings(live: Live) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(live.var),
        "HF_HOME": str(live.var / "hf"),
        "HF_ENDPOINT": live.base_url,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "MODEL": live.demo["repos"]["gated"],
        "OPEN_MODEL": live.demo["repos"]["open"],
        "APPROVED": live.account("approved")["token"],
        "HF_HUB_DISABLE_XET": "1",
        "PUBLISHER": live.account("publisher")["username"],
        "TOKEN": live.account("publisher")["token"],
        "NEWCOMER": live.account("newcomer")["token"],
    }


if __name__ == "__main__":
    sys.exit(main())

"""Clients of other versions than the tests', each in an environment of its own; `make test-peers`.

The demo is started once as one process and once behind nginx, and every client meets both.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from throwaway import ROOT

from tests.live import Live, running

HOME = ROOT / ".venv-peers"
HUBS = ("2.4.0", "1.33.0", "0.36.2")


def main() -> int:
    pythons = {version: environment(f"huggingface_hub=={version}") for version in HUBS}
    failed = 0
    for web in ("single", "split"):
        with running(web) as live:
            for version, python in pythons.items():
                print(f"huggingface_hub {version}, {web}:", flush=True)
                for checks in ("hub_reads.py", "hub_writes.py"):
                    failed += subprocess.run(
                        [python, ROOT / "scripts/peers" / checks],
                        env=surroundings(live),
                        cwd=live.var,
                        check=False,
                    ).returncode
    return 1 if failed else 0


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

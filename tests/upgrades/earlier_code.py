"""The code of the commit at whose schema year.dump was made, out of the history."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.upgrades.restoring import ROOT

COMMIT = "daa6a1a34506bd60bf550911b7f6147c21d62779"
PARTS = ("manage.py", "portal", "inference", "workers", "templates")


def has_history() -> bool:
    """Tell whether this checkout has that commit: a shallow one or an archive doesn't."""
    command = ["git", "cat-file", "-e", f"{COMMIT}:manage.py"]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def unpack_earlier_code(folder: Path) -> None:
    command = ["git", "archive", COMMIT, *PARTS]
    archive = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    folder.mkdir(parents=True)
    subprocess.run(["tar", "--extract"], cwd=folder, input=archive, check=True)

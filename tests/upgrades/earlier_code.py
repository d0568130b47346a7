"""The code of the commit at whose schema year.dump was made, out of the history."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.upgrades.restoring import ROOT

COMMIT = "daa6a1a34506bd60bf550911b7f6147c21d62779"
PARTS = ("manage.py", "portal", "inference", "workers", "templates")
# Apps of that version which this one no longer installs. They brought files for pages that the
# tests don't open, so an empty package does for each.
DROPPED_APPS = ("drf_spectacular_sidecar",)


def has_history() -> bool:
    """Tell whether this checkout has that commit: a shallow one or an archive doesn't."""
    command = ["git", "cat-file", "-e", f"{COMMIT}:manage.py"]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def unpack_earlier_code(folder: Path) -> None:
    """Write that code into a new folder, so that it starts with the packages of this version."""
    command = ["git", "archive", COMMIT, *PARTS]
    archive = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    folder.mkdir(parents=True)
    subprocess.run(["tar", "--extract"], cwd=folder, input=archive, check=True)
    for app in DROPPED_APPS:
        (folder / app).mkdir()
        (folder / app / "__init__.py").touch()

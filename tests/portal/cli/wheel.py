"""A wheel of this checkout, installed in an environment outside of it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

from portal.embedded.demo.parts import ROOT


def build_wheel(folder: Path) -> Path:
    """Build the wheel by its own backend, without the network."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, folder: Path, *, beside: bool = True) -> Path:
    """Install the wheel, and return the folder of programs.

    ``beside``: it finds the packages of this environment; else it has none.
    """
    quietly = {"check": True, "capture_output": True}
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], **quietly)
    python = folder / "bin/python"
    options = ("--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", *options, str(wheel)]
    subprocess.run(pip, **quietly)
    (site,) = folder.glob("lib/python*/site-packages")
    if beside:
        (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent

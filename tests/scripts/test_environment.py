"""scripts/environment takes any Python that fits, and says what to do where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
TOOLS = ("bash", "env", "mktemp", "rm", "sh")  # of the system, without a Python among them


@pytest.fixture
def path(tmp_path):
    """Make a folder of programs to search, in which there is no Python yet."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        (folder / name).symlink_to(shutil.which(name))
    return folder


@pytest.fixture
def environment(tmp_path, path):
    """Return a function that runs the script where no index can be reached."""
    (tmp_path / "requirements.txt").touch()

    def run(*arguments, **variables):
        return subprocess.run(
            [ROOT / "scripts/environment", *arguments],
            cwd=tmp_path,
            env={"PATH": str(path), "HOME": str(tmp_path), "PIP_NO_INDEX": "1", **variables},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def program(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("name", ["environment", "lock", "test-packages"])
def test_help_is_printed_and_nothing_is_made(name, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in ROOT.iterdir()}
    done = subprocess.run(
        [ROOT / "scripts" / name, "--help"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: scripts/{name}")
    assert list(tmp_path.iterdir()) == []
    assert {path: path.stat().st_mtime_ns for path in ROOT.iterdir()} == before


@pytest.mark.parametrize("arguments", [(), ("--fresh",), ("venv", "missing.txt")])
def test_what_it_cannot_read_is_refused_before_anything_is_made(environment, tmp_path, arguments):
    done = environment(*arguments)
    assert done.returncode == 2
    assert "Usage:" in done.stderr or "There is no missing.txt" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_without_a_python_it_says_how_to_get_one(environment, tmp_path):
    done = environment("venv")
    assert done.returncode == 1
    assert "neither uv nor a pip" in done.stderr
    assert "apt-get install python3 python3-venv" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_one_without_its_venv_module_is_named_with_the_package(environment, path, tmp_path):
    program(
        path / "python3", f'case "$2" in *ensurepip*) exit 1;; esac; exec {sys.executable} "$@"'
    )
    done = environment("venv")
    assert done.returncode == 1
    assert f"apt-get install python{VERSION}-venv" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_named_one_that_does_not_fit_is_refused_and_no_other_taken(environment, path, tmp_path):
    (path / "python3").symlink_to(sys.executable)
    program(path / "old", "exit 1")
    done = environment("venv", PYTHON=str(path / "old"))
    assert done.returncode == 1
    assert f"PYTHON={path / 'old'} is not a Python from 3.11 to 3.14" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_where_uv_has_no_index_pip_installs(environment, path, tmp_path):
    base = Path(sys.base_prefix) / "bin" / f"python{VERSION}"
    done = environment("venv", PYTHON=str(base))
    assert done.returncode == 0, done.stderr
    assert f"with Python {VERSION}" in done.stdout
    assert "installing with pip" in done.stderr
    assert os.access(tmp_path / "venv/bin/pip", os.X_OK)
    again = environment("venv")
    assert "up to date" in again.stdout


def test_uv_fetches_one_where_none_fits(environment, path):
    program(path / "python3", "exit 1")
    program(path / "uv", f'[ "$2" = find ] && echo {path}/fetched; exit 0')
    program(path / "fetched", f'[ "$2" = venv ] && exit 7; exec {sys.executable} "$@"')
    done = environment("venv")
    assert done.returncode == 7, "the environment is made with another Python than the fetched one"
    assert "fetching 3.13 with uv" in done.stderr


def test_a_fetch_that_fails_says_what_to_install(environment, path, tmp_path):
    program(path / "uv", "exit 2")
    done = environment("venv")
    assert done.returncode == 1
    assert "uv could not fetch Python 3.13. Install one" in done.stderr
    assert not (tmp_path / "venv").exists()

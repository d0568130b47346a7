"""docs/proofs.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SHORT = {"A/": "portal/access/", "C/": "portal/access/reminders/"}
NAMED = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs/proofs.md").read_text("utf-8"))


@pytest.mark.parametrize(("path", "test"), NAMED)
def test_a_proof_is_there(path, test):
    for short, long in SHORT.items():
        path = path.replace(short, long) if path.startswith(short) else path
    source = (ROOT / "tests" / path).read_text("utf-8")
    assert not test or f"def {test}(" in source

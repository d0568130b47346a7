"""docs/proofs.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

from tests.architecture.sources import text_of

ROOT = Path(__file__).parents[3]
SHORT = {"A/": "portal/access/", "C/": "portal/access/reminders/"}
NAMED = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs/proofs.md").read_text("utf-8"))


def is_there(path: str, test: str) -> bool:
    for short, long in SHORT.items():
        path = path.replace(short, long) if path.startswith(short) else path
    file = ROOT / "tests" / path
    return file.exists() and (not test or f"def {test}(" in text_of(file))


def test_each_proof_is_there():
    assert len(NAMED) > 300
    assert [named for named in NAMED if not is_there(*named)] == []

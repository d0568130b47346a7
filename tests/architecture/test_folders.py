"""Every folder holds few enough modules to look over."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST = 15
PARTS = ("portal", "inference", "workers", "scripts", "tests")
FOLDERS = sorted(
    folder
    for part in PARTS
    for folder in (ROOT / part, *(ROOT / part).rglob("*"))
    if folder.is_dir() and folder.name not in {"migrations", "__pycache__"}
)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_it_can_be_looked_over(folder):
    modules = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= MOST, "give a part of them a package of its own"

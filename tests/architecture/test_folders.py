"""Every folder holds few enough modules to look over."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST = 15
PARTS = ("portal", "inference", "workers", "scripts", "tests")
FOLDERS = sorted(
    folder
    for part in PARTS
    for folder in (ROOT / part, *(ROOT / part).rglob("*"))
    if folder.is_dir() and folder.name not in {"migrations", "__pycache__"}
)


def modules_in(folder: Path) -> int:
    return sum(path.name != "__init__.py" for path in folder.glob("*.py"))


def test_each_can_be_looked_over():
    assert len(FOLDERS) > len(PARTS)
    full = [str(folder.relative_to(ROOT)) for folder in FOLDERS if modules_in(folder) > MOST]
    assert full == [], "give a part of their modules a package of its own"

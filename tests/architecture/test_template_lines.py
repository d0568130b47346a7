"""Templates, style sheets and scripts are read in the same width of editor."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

LONGEST = 120
BASE = Path(settings.BASE_DIR)
FILES = [
    *(BASE / "templates").rglob("*.html"),
    *(BASE / "portal").glob("*/static/weightgate/*.css"),
    *(BASE / "portal").glob("*/static/weightgate/*.js"),
]


def test_there_are_files_of_each_kind() -> None:
    assert {path.suffix for path in FILES} == {".html", ".css", ".js"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(BASE)))
def test_no_line_is_too_long(path: Path) -> None:
    lines = enumerate(path.read_text().splitlines(), start=1)
    assert [(number, line) for number, line in lines if len(line) > LONGEST] == []

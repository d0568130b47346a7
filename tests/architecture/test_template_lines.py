"""Templates, style sheets and scripts are read in the same width of editor."""

from __future__ import annotations

from pathlib import Path

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


def test_no_line_is_too_long() -> None:
    long_lines = [
        f"{path.relative_to(BASE)}:{number}: {line}"
        for path in FILES
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if len(line) > LONGEST
    ]
    assert long_lines == []

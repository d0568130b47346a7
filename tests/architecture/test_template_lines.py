"""Templates, style sheets and scripts are read in the same width of editor."""

from __future__ import annotations

import re
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


def test_a_folded_group_of_fields_can_stand_open() -> None:
    groups = [
        (path.relative_to(BASE), opening)
        for path in (BASE / "templates").rglob("*.html")
        for opening, inside in re.findall(
            r"<details([^>]*)>((?:(?!</?details).)*)</details>", path.read_text(), re.DOTALL
        )
        if re.search(r"{% field |_parameter\.html", inside)
    ]
    assert len(groups) > 3
    assert [path for path, opening in groups if "%} open{%" not in opening] == []

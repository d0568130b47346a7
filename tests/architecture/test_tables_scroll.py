"""Every table of a template stands in a box that scrolls, so that no page does on a phone."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings

TEMPLATES = Path(settings.BASE_DIR) / "templates"
SYNTAX = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}", re.DOTALL)
TAG = re.compile(r"<(/?)(div|table)\b([^>]*)>")
# Few short columns: a scroll box, a box that figures fill, a bar beside its name.
BOXES, NARROW = ("scroll", "boxed"), ('class="bars"', 'class="tight"')


def unboxed(template: str) -> list[str]:
    """Return the tables' tags that stand in no box of their template."""
    open_divs: list[bool] = []
    tables = []
    for closing, name, attributes in TAG.findall(SYNTAX.sub(" ", template)):
        if name == "div" and closing:
            open_divs.pop()
        elif name == "div":
            open_divs.append(any(box in attributes for box in BOXES))
        elif not closing and not any(open_divs) and not any(c in attributes for c in NARROW):
            tables.append(f"<table{attributes}>")
    return tables


def test_a_table_on_its_own_is_told() -> None:
    assert unboxed("<div><table></table></div>") == ["<table>"]
    assert unboxed('<div class="scroll"><div></div><table></table></div>') == []


def test_no_table_makes_its_page_scroll() -> None:
    tables = [
        f"{path.relative_to(TEMPLATES)}: {table}"
        for path in TEMPLATES.rglob("*.html")
        for table in unboxed(path.read_text())
    ]
    assert tables == []

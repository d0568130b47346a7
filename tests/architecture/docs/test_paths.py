"""Pages link to files that exist, and name paths that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MAPS = [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "docs/architecture.md"]
CODE = re.compile(r"^```.*?^```|`[^`\n]*!\[[^`\n]*`", re.MULTILINE | re.DOTALL)
LINKED = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)")
NAMED = re.compile(r"`((?:docs|inference|portal|scripts|templates|tests|workers)/[\w./-]*)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_links_to_what_exists(page):
    links = LINKED.findall(CODE.sub("", page.read_text("utf-8")))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", MAPS, ids=lambda page: page.name)
def test_a_map_names_what_exists(page):
    paths = NAMED.findall(page.read_text("utf-8"))
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []

"""Pages name scopes of tokens as the code does."""

from __future__ import annotations

import re

import pytest

from portal.accounts.models import Scope
from tests.architecture.docs.test_paths import PAGES, ROOT

NAMED = re.compile(
    r"\bthe\s+scope\s+[“`]?(?P<after>[\w-]+)[”`]?|--scopes\s+(?P<listed>[\w,-]+)", re.IGNORECASE
)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCOPES = {str(name).lower() for scope in Scope for name in (scope.value, scope.label)}


@pytest.mark.parametrize("page", [*PAGES, *TEMPLATES], ids=lambda page: str(page.relative_to(ROOT)))
def test_each_scope_that_a_page_names_is_one(page):
    names = {
        name.lower()
        for match in NAMED.finditer(page.read_text("utf-8"))
        for name in (match["after"] or match["listed"]).split(",")
    }
    assert names <= SCOPES

"""Each word of docs/glossary.md has the code that it names."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

GLOSSARY = Path(__file__).parents[3] / "docs/glossary.md"
ROWS = [line for line in GLOSSARY.read_text("utf-8").splitlines() if line.startswith("| ")]
NAMED = re.compile(r"`((?:inference|portal|workers)(?:\.\w+)+)`")
NAMES = [name for row in ROWS for name in NAMED.findall(row)]


def resolve(name: str) -> object:
    """Return a module, or what a module holds under a dotted name. Raises AttributeError."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        parent, _, attribute = name.rpartition(".")
        return getattr(resolve(parent), attribute)


@pytest.mark.parametrize("name", NAMES)
def test_a_word_has_its_code(name):
    assert resolve(name)


def test_no_word_has_two_rows():
    words = [row.split("|")[1].strip() for row in ROWS]
    words = [word for word in words if word not in {"word", "---"}]
    assert len(words) == len(set(words)) > 50

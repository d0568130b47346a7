"""The project's sources, read once for all rules, and parsed only where a rule can apply."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path


@cache
def text_of(path: Path) -> str:
    return path.read_text("utf-8")


def mentioning(paths: Iterable[Path], words: Iterable[str]) -> Iterator[tuple[Path, ast.Module]]:
    """Parse the sources that hold one of the words: the others name nothing of it."""
    words = tuple(words)
    for path in paths:
        if any(word in text_of(path) for word in words):
            yield path, ast.parse(text_of(path))

"""Docstrings are sentences, local names say what they hold, no two classes share a name."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ("inference", "portal", "scripts", "workers")
# A docstring that begins with one of these is part of a sentence, or a riddle without the code.
NO_BEGINNINGS = re.compile(
    r"(Again|Also|As|At|By|How|If|Is|Has|Not|Ours|Same|That|Theirs|"
    r"These|This|Those|What|When|Where|Whether|Which|Who|Whom|Whose|Why)\b"
)
# These say that something was iterated, found or handed over, and not what it is.
EMPTY_NAMES = frozenset({"asked", "each", "found", "given", "kept", "told"})
OF_A_FRAMEWORK = {"Command", "Migration"}
FILES = sorted(
    path
    for part in (*CODE, "tests")
    for path in (ROOT / part).rglob("*.py")
    if "migrations" not in path.parts
)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def parts_of_sentences(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, DOCUMENTED) or getattr(node, "name", "").startswith("test_"):
            continue
        docstring = ast.get_docstring(node) or ""
        if NO_BEGINNINGS.match(docstring):
            line = getattr(node, "lineno", 1)
            yield f"{path.relative_to(ROOT)}:{line}: {docstring.splitlines()[0]}"


def empty_names(path: Path) -> Iterator[str]:
    for function in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            is_assigned = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            if is_assigned and node.id in EMPTY_NAMES:
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {node.id}"


@pytest.mark.parametrize("part", CODE)
def test_local_names_say_what_they_hold(part):
    files = [path for path in FILES if path.is_relative_to(ROOT / part)]
    assert [name for path in files for name in empty_names(path)] == []


@pytest.mark.parametrize("part", [*CODE, "tests"])
def test_docstrings_are_sentences(part):
    files = [path for path in FILES if path.is_relative_to(ROOT / part)]
    assert [fault for path in files for fault in parts_of_sentences(path)] == []


def test_no_two_classes_share_a_name():
    places = defaultdict(list)
    for path in FILES:
        if path.is_relative_to(ROOT / "tests"):
            continue
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(ROOT)))
    shared = {name: paths for name, paths in places.items() if len(paths) > 1}
    assert {name: paths for name, paths in shared.items() if name not in OF_A_FRAMEWORK} == {}

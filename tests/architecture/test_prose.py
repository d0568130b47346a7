"""Docstrings are sentences, local names say what they hold, no two classes share a name."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
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
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DOCUMENTED = (ast.Module, ast.ClassDef, *FUNCTIONS)


@dataclass(frozen=True)
class Reading:
    """The parts of a source that the rules ask for; it is parsed once for all of them."""

    parts_of_sentences: list[str]
    empty_names: list[str]
    classes: list[str]


@cache
def reading_of(path: Path) -> Reading:
    source = ast.parse(path.read_text("utf-8"))
    nodes = list(ast.walk(source))
    classes = [node.name for node in source.body if isinstance(node, ast.ClassDef)]
    return Reading(list(parts_of_sentences(path, nodes)), list(empty_names(path, nodes)), classes)


def parts_of_sentences(path: Path, nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if not isinstance(node, DOCUMENTED) or getattr(node, "name", "").startswith("test_"):
            continue
        docstring = ast.get_docstring(node) or ""
        if NO_BEGINNINGS.match(docstring):
            line = getattr(node, "lineno", 1)
            yield f"{path.relative_to(ROOT)}:{line}: {docstring.splitlines()[0]}"


def empty_names(path: Path, nodes: list[ast.AST]) -> Iterator[str]:
    assigned = {
        id(node): node
        for node in nodes
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in EMPTY_NAMES
    }
    for function in nodes if assigned else ():
        if isinstance(function, FUNCTIONS):
            for node in ast.walk(function):
                if id(node) in assigned:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}: {node.id}"


@pytest.mark.parametrize("part", CODE)
def test_local_names_say_what_they_hold(part):
    files = [path for path in FILES if path.is_relative_to(ROOT / part)]
    assert [name for path in files for name in reading_of(path).empty_names] == []


@pytest.mark.parametrize("part", [*CODE, "tests"])
def test_docstrings_are_sentences(part):
    files = [path for path in FILES if path.is_relative_to(ROOT / part)]
    assert [fault for path in files for fault in reading_of(path).parts_of_sentences] == []


def test_no_two_classes_share_a_name():
    places = defaultdict(list)
    for path in FILES:
        if path.is_relative_to(ROOT / "tests"):
            continue
        for name in reading_of(path).classes:
            if not name.startswith("_"):
                places[name].append(str(path.relative_to(ROOT)))
    shared = {name: paths for name, paths in places.items() if len(paths) > 1}
    assert {name: paths for name, paths in shared.items() if name not in OF_A_FRAMEWORK} == {}


LOOP = re.compile(r"{%\s*for\s+([\w\s,]+?)\s+in\s")


def test_loops_of_templates_name_what_they_hold():
    empty = [
        f"{path.relative_to(ROOT)}: {loop[1]}"
        for path in sorted((ROOT / "templates").rglob("*.*"))
        for loop in LOOP.finditer(path.read_text("utf-8"))
        if EMPTY_NAMES & set(re.findall(r"\w+", loop[1]))
    ]
    assert empty == []

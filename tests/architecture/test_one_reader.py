"""What strangers send is parsed by the readers of portal/parsing, and by nothing beside them."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.test_one_rule import ROOT, SOURCES

OUTSIDE = [path for path in SOURCES if "parsing" not in path.parts]


def imported(source: str) -> set[str]:
    """The top names of all modules that a source imports."""
    nodes = list(ast.walk(ast.parse(source)))
    plain = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    parts = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in plain | parts}


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_reads_yaml_by_itself(path):
    assert "yaml" not in imported(path.read_text("utf-8"))

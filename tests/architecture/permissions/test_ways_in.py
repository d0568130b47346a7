"""Access begins in one module: nothing else starts a grant or lets a member in.

``grants.activation`` asks for a proved address, the screening lists and holds before it writes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.sources import mentioning, text_of
from tests.portal.access.test_ways_in import WAYS

ROOT = Path(__file__).parents[3]
ACTIVATION = "portal/access/grants/activation.py"
BEGINS = {"starts_at", "joined_at", "held_at"}
WRITES = {
    "Grant",
    "Membership",
    "create",
    "acreate",
    "bulk_create",
    "bulk_update",
    "get_or_create",
    "update",
    "update_or_create",
}
ASKS = {"require_admissible", "require_admissible_to"}  # the latter calls the former
STARTS = {"start_grant", "admit_member"}
STOPS = "suspend"  # begins nothing
RELEASES = {"release_grant", "release_member"}
SOURCES = [
    path
    for folder in ("portal", "workers", "scripts")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "migrations" not in path.parts
]


def name_of(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def targets_of(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from target.elts if isinstance(target, ast.Tuple) else [target]
    elif isinstance(node, ast.AnnAssign | ast.AugAssign):
        yield node.target


def written_by(node: ast.AST) -> set[str]:
    """Return the columns that make access begin, as far as this code writes them."""
    if isinstance(node, ast.Call) and name_of(node.func) in WRITES:
        named = {keyword.arg for keyword in node.keywords}
        spelt = {
            constant.value for constant in ast.walk(node) if isinstance(constant, ast.Constant)
        }
        return BEGINS & (named | (spelt if name_of(node.func) == "bulk_update" else set()))
    if isinstance(node, ast.Call) and name_of(node.func) == "setattr":
        return BEGINS & {
            constant.value for constant in node.args if isinstance(constant, ast.Constant)
        }
    attributes = {target.attr for target in targets_of(node) if isinstance(target, ast.Attribute)}
    return BEGINS & attributes


def test_no_other_module_makes_access_begin():
    offenders = [
        f"{path.relative_to(ROOT)}:{node.lineno} {sorted(written)}"
        for path, source in mentioning(SOURCES, BEGINS)
        if str(path.relative_to(ROOT)) != ACTIVATION
        for node in ast.walk(source)
        if (written := written_by(node))
    ]
    assert offenders == []


def test_what_begins_access_is_found():
    snippets = [
        "Grant.objects.create(starts_at=now)",
        "Membership(joined_at=now)",
        "grant.starts_at = now",
        "a, grant.starts_at = b, now",
        "Grant.objects.filter(pk=1).update(held_at=None)",
        "setattr(grant, 'starts_at', now)",
    ]
    for code in snippets:
        assert any(written_by(node) for node in ast.walk(ast.parse(code))), code


def functions(names: set[str]) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield the functions of all modules that hold one of the names."""
    for path, source in mentioning(SOURCES, names):
        for node in ast.walk(source):
            if isinstance(node, ast.FunctionDef):
                yield f"{path.stem}.{node.name}", node


def callers_of(names: set[str]) -> set[str]:
    return {
        caller
        for caller, function in functions(names)
        if any(
            isinstance(node, ast.Call) and name_of(node.func) in names
            for node in ast.walk(function)
        )
    }


def test_each_function_of_the_module_that_writes_asks_first():
    written = {}
    for node in ast.parse((ROOT / ACTIVATION).read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and any(map(written_by, ast.walk(node))):
            calls = {name_of(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)}
            written[node.name] = bool(ASKS & calls)
    assert written.pop(STOPS) is False
    assert set(written) == STARTS | RELEASES
    assert all(written.values())


def test_no_other_module_lets_a_grant_cover_a_model():
    covers = "Coverage.objects.create("
    makers = {path for path in SOURCES if covers in text_of(path)}
    assert {str(path.relative_to(ROOT)) for path in makers} == {ACTIVATION}


def test_each_way_in_is_tried_with_each_obstacle():
    """A new caller of the module needs a row in ``WAYS``."""
    assert callers_of(STARTS) == {way.through for way in WAYS.values()}

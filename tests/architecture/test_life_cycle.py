"""A grant's status is derived in one module, and one module ends grants.

``portal.access.lifecycle`` compares a grant's times with a clock and with each other, for a row at
hand and, with the managers, for PostgreSQL. ``grants.ending`` alone writes what ends a grant.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.permissions.test_ways_in import name_of, targets_of
from tests.architecture.sources import mentioning

ROOT = Path(__file__).parents[2]
ACCESS = sorted(
    path
    for path in (ROOT / "portal/access").rglob("*.py")
    if not {"migrations", "models"} & set(path.parts)  # models: constraints of the database
    and path.name != "lifecycle.py"
    and "querysets" not in {path.stem, path.parent.name}
)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))

ENDS = {"revoked_at", "closed_at", "ends_by_notice_at", "expires_at", "offer_expires_at"}
BEGINS = {"starts_at", "held_at"}  # told by whether they are there, and compared in one module
ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
LATER = re.compile(r"__(lt|lte|gt|gte|range)$")
LOOKUPS = {"filter", "exclude", "Q", "When", "Least", "Greatest", "F", "OuterRef"}

# Rows that aren't grants and have times of these names.
OTHERS = {"access_request", "case", "request", "terms", "vote", "token", "invitation"}
LOOK_UP_OTHERS = {
    "reminders/grants.py": "starts_at",  # whether a whole reminder's time lies within the grant's
    "grants/ending/tokens.py": "revoked_at",  # of tokens
    "grants/offer_votes.py": "expires_at",  # of votes
    "requests/approval_terms.py": "expires_at",
    "policy/votes.py": "expires_at",
    "reporting/months.py": "closed_at",  # of requests, as all below
    "reporting/retention.py": "closed_at",
    "review/evidence.py": "closed_at",
    "evidence/history.py": "closed_at",
    "review/queue/filters.py": "closed_at",
}
WRITERS = {
    "revoked_at": {"grants/ending/end.py", "grants/ending/tokens.py"},
    "closed_at": {"grants/ending/end.py"},
    "ends_by_notice_at": {"grants/ending/revocation.py", "grants/ending/withdrawal.py"},
}


def times_in(node: ast.AST, names: set[str] = ENDS) -> set[str]:
    """Return the times of grants that an expression reads; those of other rows are passed over."""
    return {
        attribute.attr
        for attribute in ast.walk(node)
        if isinstance(attribute, ast.Attribute)
        and attribute.attr in names
        and not (isinstance(attribute.value, ast.Name) and attribute.value.id in OTHERS)
    }


def conditions_of(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert):
        return [node.test]
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return [node.operand]
    return node.ifs if isinstance(node, ast.comprehension) else []


def spelt_in(call: ast.Call) -> set[str]:
    """Return the times that a query's arguments name, and those it puts in order by a clock."""
    words = {keyword.arg for keyword in call.keywords if keyword.arg}
    words |= {
        constant.value
        for constant in ast.walk(call)
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    }
    named = {word: set(word.split("__")) for word in words}
    ends = {name for parts in named.values() for name in parts & ENDS}
    return ends | {
        name for word, parts in named.items() if LATER.search(word) for name in parts & BEGINS
    }


def derived_by(node: ast.AST) -> set[str]:
    """Return the times of a grant that this code compares or asks for."""
    if isinstance(node, ast.Compare):
        ordered = any(isinstance(op, ORDERS) for op in node.ops)
        return times_in(node, ENDS | BEGINS if ordered else ENDS)
    if isinstance(node, ast.Call):
        if name_of(node.func) in {"min", "max"}:
            return times_in(node, ENDS | BEGINS)
        return spelt_in(node) if name_of(node.func) in LOOKUPS else set()
    return {
        name
        for condition in conditions_of(node)
        if isinstance(condition, ast.Attribute)
        for name in times_in(condition)
    }


def path_of(path: Path) -> str:
    return str(path.relative_to(ROOT / "portal/access"))


def nodes(names: set[str]) -> Iterator[tuple[str, ast.AST]]:
    """Yield each node of the modules that hold one of the names."""
    for path, source in mentioning(ACCESS, names):
        for node in ast.walk(source):
            yield path_of(path), node


def test_no_other_module_derives_how_a_grant_stands():
    offenders = [
        f"{path}:{node.lineno} {sorted(derived)}"
        for path, node in nodes(ENDS | BEGINS)
        if (derived := derived_by(node) - {LOOK_UP_OTHERS.get(path)})
    ]
    assert offenders == []


def written_by(node: ast.AST) -> set[str]:
    """Return the columns by which this code ends a grant; those of other rows are passed over."""
    if isinstance(node, ast.Call) and name_of(node.func) in {"update", "bulk_update", "setattr"}:
        spelt = {
            constant.value for constant in ast.walk(node) if isinstance(constant, ast.Constant)
        }
        return set(WRITERS) & ({keyword.arg for keyword in node.keywords} | spelt)
    return {
        name
        for target in targets_of(node)
        if isinstance(target, ast.Attribute)
        for name in times_in(target, set(WRITERS))
    }


def test_no_other_module_ends_a_grant():
    offenders = [
        f"{path}:{node.lineno} {name}"
        for path, node in nodes(set(WRITERS))
        for name in written_by(node)
        if path not in WRITERS[name]
    ]
    assert offenders == []


def test_one_function_writes_what_ends_a_grant_at_once():
    source = ast.parse((ROOT / "portal/access/grants/ending/end.py").read_text("utf-8"))
    writers = [
        function.name
        for function in source.body
        if isinstance(function, ast.FunctionDef) and any(map(written_by, ast.walk(function)))
    ]
    assert writers == ["_write"]


def test_no_template_derives_it_either():
    asks = re.compile(r"\{% (?:el)?if [^%]*\bgrant\.(?:" + "|".join(ENDS) + r")\b")
    offenders = [
        f"{path.name}: {condition[0]}"
        for path in TEMPLATES
        for condition in asks.finditer(path.read_text())
    ]
    assert offenders == []


@pytest.mark.parametrize(
    "code",
    [
        "grant.revoked_at is None",
        "each.expires_at <= now",
        "now < grant.starts_at",
        "min(grant.expires_at, now)",
        "1 if grant.closed_at else 2",
        "[each for each in line if each.ends_by_notice_at]",
        "any(each.revoked_at or each.closed_at for each in line)",
        "found.filter(expires_at__gt=now)",
        "Q(grant__revoked_at=None)",
        "Q(**{f'{prefix}expires_at__gt': now})",
        "Least('expires_at', 'ends_by_notice_at')",
        "found.filter(starts_at__lte=now)",
    ],
)
def test_what_derives_it_is_found(code):
    assert any(derived_by(node) for node in ast.walk(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "grant.revoked_at = now",
        "grant.closed_at, grant.closeout = now, text",
        "found.update(ends_by_notice_at=None)",
        "setattr(grant, 'revoked_at', now)",
    ],
)
def test_what_ends_one_is_found(code):
    assert any(written_by(node) for node in ast.walk(ast.parse(code)))

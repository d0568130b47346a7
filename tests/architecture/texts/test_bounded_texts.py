"""Every text that a service takes is bounded by the service, whichever surface it came from."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.sources import text_of
from tests.architecture.test_one_rule import ROOT, SERVICES

BOUNDS = {"require_text", "text_problem"}
NO_FREE_TEXT = {
    # chosen from a list, or looked up, and refused where it isn't there
    **dict.fromkeys(
        ("kind", "scope", "role", "verdict", "reason_code", "gated", "form"), "a choice"
    ),
    **dict.fromkeys(("lead", "model", "person", "repo", "secret", "signed", "slug"), "looked up"),
    **dict.fromkeys(("branch", "start", "at", "parent"), "looked up among refs and revisions"),
    **dict.fromkeys(("ip", "confirmed", "key_prefix"), "ours, or proved before"),
    "worker": "our own process names itself",
    # names and addresses, which have rules of their own
    **dict.fromkeys(("email", "address", "username"), "an address, or held to the rule of names"),
    **dict.fromkeys(("namespace", "name", "version"), "held to the rule of names or of a line"),
    **dict.fromkeys(("organization_name", "title", "relation"), "held to the rule of a line"),
    **dict.fromkeys(("path", "filename"), "held to the rule of paths"),
    "password": "hashed, and held to the validators of passwords",
    "value": "held to the rule of screening lists",
    "typed_name": "compared with the name in the profile",
}
FORWARDED = {
    "portal/access/requests/voting.py:cast_vote": {"reason_text"},  # by decline_request, bounded
    "portal/outbox/services/bounces.py:mark_bounced": {"reason"},  # cut to one short line
    # bounded where the revision is made
    "portal/catalog/services/commits.py:receive_changes": {"message"},
    "portal/catalog/services/squashing.py:squash_branch": {"message"},
    "portal/hub/services/repos.py:squash_history": {"message"},
    # bounded where it is said who decides alone, review/decisions/alone.py
    "portal/access/review/decisions/deciding.py:approve_request": {"chair_reason"},
    "portal/access/review/decisions/deciding.py:decline_request": {"chair_reason"},
    # bounded by what answers every hit, grants/checks/clearing.py
    "portal/access/grants/checks/members.py:clear_member": {"text"},
    "portal/access/review/screening_clearance.py:dispose_screening": {"text"},
    # a file of many lines, each held to its rule, as many as the service takes
    "portal/access/screening/lists.py:import_entries": {"lines"},
}


def texts(function: ast.FunctionDef) -> set[str]:
    """List the parameters of a service that hold text and stand in no table above."""
    arguments = [*function.args.args, *function.args.kwonlyargs]
    named = {
        argument.arg: ast.unparse(argument.annotation)
        for argument in arguments
        if argument.annotation
    }
    return {name for name, kind in named.items() if kind.startswith("str")} - set(NO_FREE_TEXT)


@cache
def bounded(path: Path) -> set[str]:
    """List the names that a module hands to what bounds them."""
    source = ast.parse(text_of(path))
    calls = [node for node in ast.walk(source) if isinstance(node, ast.Call)]
    bounds = [call for call in calls if ast.unparse(call.func) in BOUNDS]
    return {
        node.id for call in bounds for node in ast.walk(call.args[0]) if isinstance(node, ast.Name)
    }


@pytest.mark.parametrize(("name", "function"), SERVICES, ids=[name for name, _ in SERVICES])
def test_each_text_of_a_service_has_a_bound(name, function):
    unbounded = texts(function) - FORWARDED.get(name, set())
    assert not unbounded or unbounded <= bounded(ROOT / name.partition(":")[0])

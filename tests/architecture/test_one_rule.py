"""Rules of the architecture that no type checker holds."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PORTAL = ROOT / "portal"
SOURCES = [
    path
    for folder in ("portal", "workers")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "migrations" not in path.parts
]
READS_STANDING = re.compile(
    r"active_at\(|grant\w*\.(expires_at|revoked_at|starts_at)"
    r"|(?<!source=\")(?<!source=\"access_)(access_)?request\.state\b|case\.state\b"
)
MAY_READ = ("portal/access/", "portal/site/operations/metrics.py")


def test_only_access_reads_the_state_of_requests_and_grants():
    offenders = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        if not str(path.relative_to(ROOT)).startswith(MAY_READ)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if READS_STANDING.search(line)
    ]
    assert offenders == []


KNOWS_HIDDEN = {"portal/catalog/querysets.py", "portal/catalog/models/revisions.py"}
FOLLOWS_RECORDS = {
    # makes and hides revisions
    "portal/catalog/services/revisions.py",
    "portal/catalog/services/squashing.py",
    # name the revision that a record holds; serve none
    "portal/catalog/services/storage_check.py",
    "portal/delivery/accounting/usage.py",
    "portal/hub/services/uploads.py",
}


def test_one_manager_knows_which_revisions_are_hidden():
    by_hand = re.compile(r"hidden_at|HIDDEN_AT")
    everything = re.compile(r"(Revision|File)\.(everything|_base_manager)")
    for rule, allowed in ((by_hand, KNOWS_HIDDEN), (everything, FOLLOWS_RECORDS)):
        readers = {
            str(path.relative_to(ROOT)) for path in SOURCES if rule.search(path.read_text("utf-8"))
        }
        assert readers <= allowed, rule.pattern


def services() -> list[tuple[str, ast.FunctionDef]]:
    """List the use cases: public functions in one transaction.

    They are in services modules, and in ``portal.access`` beside their subject.
    """
    use_cases = []
    for path in SOURCES:
        in_access = path.is_relative_to(PORTAL / "access")
        if not in_access and "services" not in path.parts and path.stem != "services":
            continue
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                decorators = " ".join(ast.unparse(decorator) for decorator in node.decorator_list)
                if "atomic" in decorators:
                    use_cases.append((f"{path.relative_to(ROOT)}:{node.name}", node))
    return use_cases


SERVICES = services()
RECORDS = {"record", "end_grants"}  # the one way to end grants records each: see below
UNRECORDED = {
    # drafts are the applicant's own scratch paper until they are submitted
    "portal/access/requests/drafts.py:start_draft",
    "portal/access/requests/drafts.py:save_draft",
    "portal/access/requests/drafts.py:discard_draft",
    # how far a mail has come is the outbox's own row; who cancels one records why
    "portal/outbox/services/cancelling.py:cancel_mail",
    "portal/outbox/services/bounces.py:mark_bounced",
    "portal/outbox/services/bounces.py:read_bounce",
    # record through the step that they share with others
    "portal/access/grants/checks/clearing.py:clear_check",
    "portal/access/grants/checks/members.py:clear_member",
    # records through the use case it calls
    "portal/access/review/notes.py:vouch_for_applicant",
    "portal/access/review/hub/decisions.py:move_request",
    "portal/access/review/hub/decisions.py:grant_access",
    "portal/accounts/services/people.py:create_user",
    "portal/accounts/services/people.py:create_lab",
    "portal/accounts/services/renewal.py:renew_by_letter",
    "portal/accounts/services/holding.py:settle_proof",
    "portal/accounts/services/holding.py:void_older_credentials",
    # only sends a letter to the person's own address; what it proves is recorded when answered
    "portal/accounts/services/renewal.py:ask_renewal",
    "portal/access/gate/settings.py:seat_member",
    "portal/catalog/services/commits.py:commit_changes",
    "portal/hub/services/repos.py:start_repo",
    "portal/hub/services/repos.py:set_repo",
    "portal/hub/services/repos.py:squash_history",
    "portal/access/gate/settings.py:unseat_member",
    "portal/jobs/services/ending.py:cancel_job",
}


@pytest.mark.parametrize(("name", "function"), SERVICES, ids=[name for name, _ in SERVICES])
def test_every_use_case_records_an_event(name, function):
    calls = {ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
    assert bool(calls & RECORDS) != (name in UNRECORDED), f"{name} calls {sorted(calls)}"


def test_ending_grants_records_the_end_of_each():
    source = ast.parse((PORTAL / "access/grants/ending/end.py").read_text("utf-8"))
    end = next(node for node in source.body if getattr(node, "name", "") == "end_grants")
    loops = [node for node in end.body if isinstance(node, ast.For)]
    calls = [ast.unparse(node.func) for node in ast.walk(loops[0]) if isinstance(node, ast.Call)]
    assert {"_write", "record"} <= set(calls)


@pytest.mark.parametrize(("name", "function"), SERVICES, ids=[name for name, _ in SERVICES])
def test_every_use_case_takes_its_arguments_by_name(name, function):
    assert not function.args.args, (
        f"{name} takes {[argument.arg for argument in function.args.args]}"
    )

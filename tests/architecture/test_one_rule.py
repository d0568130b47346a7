"""Rules of the architecture that no type checker holds."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.sources import mentioning, text_of

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
MAY_READ = ("portal/access/", "portal/site/operations/row_metrics.py")


def test_only_access_reads_the_state_of_requests_and_grants():
    offenders = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        if not str(path.relative_to(ROOT)).startswith(MAY_READ)
        for number, line in enumerate(text_of(path).splitlines(), start=1)
        if READS_STANDING.search(line)
    ]
    assert offenders == []


KNOWS_HIDDEN = {
    "portal/catalog/querysets.py",
    "portal/catalog/models/revisions.py",
    # tell of a row in hand when it passed
    "portal/catalog/services/revisions.py",
    "portal/catalog/quarantine/passing.py",
    "portal/catalog/quarantine/checking.py",
    "portal/api/catalog/check_views.py",
    "portal/hub/history.py",
}
SEES_QUARANTINE = {
    "portal/catalog/models/revisions.py",
    # asks whether a revision was hidden while its check ran
    "portal/catalog/quarantine/checking.py",
    # asks who may
    "portal/catalog/services/lookup.py",
    "portal/delivery/services.py",
    # read the files of revisions that they were handed
    "portal/hub/history.py",
    "portal/hub/metadata/cards.py",
    "portal/site/model_page/history.py",
    # for publishers alone
    "portal/hub/services/uploads.py",
    "portal/hub/views/lfs.py",
}
FOLLOWS_RECORDS = {
    # makes and hides revisions
    "portal/catalog/services/revisions.py",
    "portal/catalog/services/squashing.py",
    # let revisions out of quarantine
    "portal/catalog/quarantine/checking.py",
    "portal/catalog/quarantine/naming.py",
    "portal/catalog/quarantine/passing.py",
    # name the revision that a record holds; serve none
    "portal/catalog/services/storage_check.py",
    "portal/delivery/accounting/progress.py",
    "portal/delivery/accounting/usage.py",
    "portal/hub/services/uploads.py",
}


def test_one_manager_knows_which_revisions_are_hidden():
    by_hand = re.compile(r"hidden_at|HIDDEN_AT|\bpassed_at|PASSED_AT")
    everything = re.compile(r"(Revision|File)\.(everything|_base_manager)")
    quarantine = re.compile(r"(Revision|File)\.in_history")
    rules = (
        (by_hand, KNOWS_HIDDEN),
        (everything, FOLLOWS_RECORDS),
        (quarantine, SEES_QUARANTINE),
    )
    for rule, allowed in rules:
        readers = {str(path.relative_to(ROOT)) for path in SOURCES if rule.search(text_of(path))}
        assert readers <= allowed, rule.pattern


def services() -> list[tuple[str, ast.FunctionDef]]:
    """List the use cases: public functions in one transaction.

    They are in services modules, and in ``portal.access`` beside their subject.
    """
    use_cases = []
    for path, source in mentioning(SOURCES, {"atomic"}):
        in_access = path.is_relative_to(PORTAL / "access")
        if not in_access and "services" not in path.parts and path.stem != "services":
            continue
        for node in source.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                decorators = " ".join(ast.unparse(decorator) for decorator in node.decorator_list)
                if "atomic" in decorators:
                    use_cases.append((f"{path.relative_to(ROOT)}:{node.name}", node))
    return use_cases


SERVICES = services()
RECORDS = {"record", "end_grants"}  # the one way to end grants records each: see below
UNRECORDED = {
    # records as the revision passes, which every door shares
    "portal/catalog/services/revisions.py:release_revision",
    # drafts are the applicant's own scratch paper until they are submitted
    "portal/access/requests/drafts.py:start_draft",
    "portal/access/requests/drafts.py:save_draft",
    "portal/access/requests/drafts.py:save_page",
    "portal/access/requests/drafts.py:discard_draft",
    # how far a mail has come is the outbox's own row; who cancels one records why
    "portal/outbox/services/cancelling.py:cancel_mail",
    "portal/outbox/services/bounces.py:mark_bounced",
    "portal/outbox/services/bounces.py:read_bounce",
    # record through the step that they share with others
    "portal/access/grants/checks/clearing.py:clear_check",
    "portal/access/grants/checks/members.py:clear_member",
    # record through ``record_invitation``, which leaves out the address
    "portal/access/people/accepting.py:accept_invitation",
    "portal/access/people/accepting.py:accept_own_invitation",
    "portal/access/people/managing.py:resend_invitation",
    "portal/access/people/managing.py:withdraw_invitation",
    # an invitation that is made, or the seat that is given, records
    "portal/access/people/invitations.py:invite_guest",
    "portal/access/people/invitations.py:invite_operator",
    "portal/access/people/invitations.py:invite_to_lab",
    "portal/access/people/invitations.py:invite_to_team",
    "portal/access/people/operators.py:take_operator",
    "portal/access/people/roles.py:take_role",
    # record through ``_undo_question`` or ``_undo_decision``, or the use case they call
    "portal/access/review/decisions/undo.py:undo_question",
    "portal/access/review/decisions/undo.py:undo_decision",
    "portal/access/review/decisions/applicant_acts.py:correct_as_shown",
    "portal/access/review/decisions/undo.py:undo_untold",
    "portal/access/review/decisions/applicant_acts.py:withdraw_as_shown",
    # records through the use case it calls
    "portal/access/review/notes.py:vouch_for_applicant",
    "portal/access/review/hub/decisions.py:move_request",
    "portal/access/review/hub/decisions.py:grant_access",
    "portal/accounts/services/people.py:create_user",
    "portal/accounts/services/operators.py:complete_operator",
    "portal/accounts/services/renewal.py:renew_by_letter",
    "portal/accounts/services/holding.py:settle_proof",
    "portal/accounts/services/holding.py:void_older_credentials",
    # only sends a letter to the person's own address; what it proves is recorded when answered
    "portal/accounts/services/renewal.py:ask_renewal",
    "portal/access/gate/settings.py:seat_member",
    "portal/catalog/services/commits.py:receive_changes",
    # each model that joins and each grant that is extended, or ends for a model, is recorded
    "portal/access/grants/collections/adding.py:add_model",
    "portal/access/grants/collections/ending.py:end_coverage",
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


def test_only_one_module_of_the_tests_reads_the_cpus_clock():
    clocks = re.compile(r"\b(process_time|thread_time)\(")
    readers = {
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if clocks.search(text_of(path))
    }
    assert readers == {"tests/cpu.py"}


def test_a_locked_row_may_be_referred_to_meanwhile():
    """A lock FOR UPDATE holds up each event that names the row, to the point of a deadlock."""
    lines = re.compile(r"select_for_update\(\s*.*")
    locks = [lock for path in sorted(PORTAL.rglob("*.py")) for lock in lines.findall(text_of(path))]
    assert [lock for lock in locks if "no_key=True" not in lock] == []

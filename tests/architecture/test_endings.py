"""The log of endings takes up all that ends access, so that no restore brings it back."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from portal.audit.endings import ENDINGS
from portal.audit.events import EventType as E
from tests.architecture.permissions.test_ways_in import name_of, targets_of
from tests.architecture.test_one_rule import PORTAL, SOURCES

# By subject, what ends no access: it begins, tells, or is followed by an event of its own.
BEGINS = {
    *(E.ACCOUNT_CREATED, E.EMAIL_CONFIRMED, E.AFFILIATION_PROVED, E.TOKEN_ISSUED, E.LAB_CREATED),
    *(E.NAMESPACE_ROLE_GIVEN, E.NAMESPACE_SEAT_GIVEN, E.OPERATOR_ROLE_GIVEN, E.TEAM_MEMBER_ADDED),
    *(E.INVITATION_SENT, E.INVITATION_SENT_AGAIN, E.INVITATION_ACCEPTED, E.REQUEST_GUEST_ADDED),
    *(E.REPO_CREATED, E.REPO_DUPLICATED, E.REVISION_RECEIVED, E.REVISION_PUBLISHED),
    *(E.BRANCH_CREATED, E.TAG_CREATED, E.LICENCE_PUBLISHED, E.COLLECTION_CREATED),
    *(E.COLLECTION_MODEL_ADDED, E.LICENCE_SIGNED, E.REQUEST_SUBMITTED, E.REQUEST_RESUMED),
    *(E.REQUEST_APPROVED, E.SCREENING_CLEARED, E.GRANT_MADE, E.GRANT_OFFERED, E.GRANT_CLEARED),
    *(E.GRANT_ACTIVATED, E.GRANT_RENEWED, E.GRANT_EXTENDED, E.MEMBER_INVITED, E.MEMBER_CLEARED),
    *(E.MEMBER_JOINED, E.HOLD_LIFT_GIVEN, E.HOLD_LIFTED, E.GRANT_NOTICE_WITHDRAWN),
    *(
        E.GRANT_REVOCATION_WITHDRAWN,
        E.LINK_MINTED,
        E.CAPTURES_LINKED,
        E.JOB_SUBMITTED,
        E.BATCH_SUBMITTED,
        E.ACCESS_RESUMED,
    ),
}
TELLS = {
    *(E.NAME_CHANGED, E.NOTIFICATIONS_CHOSEN, E.REFERENCE_ASKED, E.REFERENCE_SENT_AGAIN),
    *(E.REFERENCE_READDRESSED, E.REFERENCE_CANCELLED, E.REFERENCE_ANSWERED, E.HOSTING_STATED),
    E.TERMS_AGREED,
    *(E.REPO_MOVED, E.NAME_GIVEN_UP, E.COLLECTION_CHANGED, E.GATE_CONFIGURED),
    *(E.REQUEST_FORM_SAVED, E.STORAGE_FAULT_FOUND, E.STORAGE_FAULT_MENDED, E.REQUEST_CORRECTED),
    *(E.REQUEST_APPEALED, E.REQUEST_QUESTION_ASKED, E.REQUEST_QUESTION_UNDONE),
    *(E.REQUEST_QUESTION_ANSWERED, E.REQUEST_VOTED, E.REQUEST_OVERRIDDEN, E.REQUEST_SETTLED),
    *(E.REQUEST_CLAIMED, E.REQUEST_RELEASED, E.REQUEST_ASSIGNED, E.REQUEST_CONFLICT_DECLARED),
    *(E.REQUEST_NOTED, E.REQUEST_OVERDUE, E.REQUEST_STRANDED, E.REQUEST_UNREACHABLE),
    *(E.DRAFT_REMOVED, E.GRANT_OFFER_VOTED, E.GRANT_CHECKED, E.MEMBER_CHECKED),
    *(E.GRANT_REVOCATION_PROPOSED, E.RENEWAL_OVERDUE, E.RENEWAL_FILED, E.RENEWAL_DECLINED),
    E.JOB_READDRESSED,
    *(E.DISCLOSURE_ASKED, E.DISCLOSURE_CONFIRMED, E.DISCLOSURE_READ),
    E.TARIFF_SET,
    # how much of hosted use, not whether: a restore brings the older numbers back
    E.GRANT_QUOTAS_CHANGED,
    E.ORGANIZATION_WEIGHED,
    *(E.READS_COUNTED, E.JOB_ENDED, E.MAIL_RESENT, E.LETTER_EDITED, E.LETTER_RESET, E.REMINDED),
    E.BATCH_ENDED,
    *(E.EXPORT_MADE, E.BUNDLE_MADE, E.OWN_DATA_EXPORTED, E.RETENTION_ENFORCED, E.BACKUP_MADE),
    *(E.BACKUP_REHEARSED, E.ENDING_REPEATED, E.KEYS_ROTATED),
    # names of a revision, which stays where its commit leads
    *(E.BRANCH_DELETED, E.TAG_DELETED),
    # lines of the lists hold what they hit by an event of its own
    *(E.SCREENING_ENTRY_ADDED, E.SCREENING_ENTRY_REMOVED, E.SCREENING_ENTRIES_IMPORTED),
    # others than its publishers never saw it
    *(E.REVISION_HELD_BACK, E.REVISION_TRIED),
    # ends no grant, as docs/collections.md says
    *(E.COLLECTION_MODEL_REMOVED, E.COLLECTION_DELETED),
    # a stop that a restore makes by itself
    E.ACCESS_SUSPENDED,
}
FOLLOWED = {
    # each grant that it ends has an event of its own
    *(E.REQUEST_DECISION_UNDONE, E.REQUEST_REOPENED, E.RENEWAL_ENDED),
    # the time itself has ended it, in any database
    *(E.GRANT_ENDED, E.GRANT_OFFER_LAPSED),
}
HARMLESS = BEGINS | TELLS | FOLLOWED


@pytest.mark.parametrize("event", list(E))
def test_each_type_of_event_is_copied_or_known_to_end_nothing(event):
    assert (event in ENDINGS) != (event in HARMLESS), (
        "a type that takes access away belongs into portal/audit/endings.py"
    )


def test_no_service_has_to_think_of_it():
    """The one place that writes events queues the copies, in the same transaction."""
    source = ast.parse((PORTAL / "audit/services.py").read_text("utf-8"))
    record = next(node for node in source.body if getattr(node, "name", "") == "record")
    calls = [ast.unparse(node.func) for node in ast.walk(record) if isinstance(node, ast.Call)]
    assert calls.index("queue_copy") > calls.index("_append")


ENDS = {"revoked_at", "closed_at", "ended_at", "ends_by_notice_at", "deleted_at", "withdrawn_at"}
NAMED = re.compile(r"EventType\.(\w+)")
ELSEWHERE = {
    # the times of rows that give no access
    "portal/access/requests/reopening.py",
    "portal/access/models/requests.py",
    "portal/jobs/services/running.py",
    "portal/jobs/services/ending.py",
    "workers/loop.py",
    "portal/access/review/assignment.py",
    "portal/catalog/quarantine/checking.py",
    "portal/delivery/services.py",
    "portal/delivery/accounting/transfers.py",
    # takes an end back
    "portal/access/grants/ending/withdrawal.py",
    # ends no grant, as docs/collections.md says
    "portal/catalog/collections/deleting.py",
    # a chair's end and the guests' seats that a decision ends come back with the request
    "portal/access/review/decisions/deciding.py",
    "portal/access/review/decisions/undo.py",
}


def writes(node: ast.AST) -> bool:
    named = {target.attr for target in targets_of(node) if isinstance(target, ast.Attribute)}
    if isinstance(node, ast.Call) and name_of(node.func) == "update":
        named |= {keyword.arg for keyword in node.keywords}
    return bool(named & ENDS)


def writers() -> list[Path]:
    return [
        path
        for path in SOURCES
        if any(map(writes, ast.walk(ast.parse(path.read_text("utf-8")))))
        and str(path.relative_to(PORTAL.parent)) not in ELSEWHERE
    ]


@pytest.mark.parametrize("path", writers(), ids=lambda path: str(path.relative_to(PORTAL.parent)))
def test_a_module_that_writes_an_end_records_an_ending(path):
    named = {E[name] for name in NAMED.findall(path.read_text("utf-8"))}
    assert named & ENDINGS

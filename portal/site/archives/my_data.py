"""All rows about one person, as plain data and without secrets.

``SOURCES`` and ``ELSEWHERE`` together name every column that refers to a person; a test compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.db.models import Model, Q, QuerySet

from portal.access.models import (
    Acceptance,
    AccessRequest,
    Appeal,
    Assignment,
    CaseGuest,
    ConflictDeclaration,
    Coverage,
    Decision,
    DigestItem,
    GateSettings,
    Grant,
    Hold,
    HoldLift,
    Invitation,
    Membership,
    Note,
    NotificationChoice,
    Question,
    Renewal,
    Review,
    Submission,
)
from portal.access.reporting.request_archive import OF_THE_REVIEW, TEAM_ONLY, plain
from portal.accounts.models import (
    AccessToken,
    Affiliation,
    Namespace,
    NamespaceRole,
    Reference,
    User,
)
from portal.audit.hashing import told_to
from portal.audit.models import AuditEvent
from portal.catalog.models import HostingRight, NamespaceSeat, Revision, TeamMember
from portal.delivery.models import Download
from portal.hub.models import Upload
from portal.jobs.models import Batch, Job, JobDisclosure, StoredFile
from portal.outbox.models import OutboxMessage
from portal.site.archives.bundle import TOLD, untold_of
from portal.site.letters import letters_of

SECRET = frozenset({"password", "secret_hash"})


@dataclass(frozen=True)
class PersonalRecords:
    """Rows of one model that refer to a person by ``path``.

    ``without`` names the columns that are about somebody else.
    """

    rows: type[Any]
    path: str
    without: frozenset[str] = field(default_factory=frozenset)

    def of(self, person: User) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.rows.objects.filter(**{self.path: person})
        return rows.order_by("pk")


OF_THE_TEAM = frozenset(TEAM_ONLY | {"ended_by_id", "placed_by_id", "proved_by_id"})
SOURCES = {
    "addresses": PersonalRecords(EmailAddress, "user"),
    "affiliations": PersonalRecords(Affiliation, "person", OF_THE_TEAM),
    "references": PersonalRecords(Reference, "person"),
    "namespaces": PersonalRecords(Namespace, "person"),
    "publishing": PersonalRecords(NamespaceRole, "user"),
    "tokens": PersonalRecords(AccessToken, "user"),
    "teams": PersonalRecords(TeamMember, "user"),
    "invitations_accepted": PersonalRecords(Invitation, "accepted_by"),
    "guest_cases": PersonalRecords(CaseGuest, "user"),
    "chairs": PersonalRecords(GateSettings, "chair", frozenset({"updated_by_id"})),
    "seats": PersonalRecords(NamespaceSeat, "user"),
    "rights_stated": PersonalRecords(HostingRight, "person"),
    "revisions": PersonalRecords(Revision, "author"),
    "requests": PersonalRecords(AccessRequest, "applicant", OF_THE_REVIEW),
    "snapshots": PersonalRecords(Submission, "request__applicant"),
    "questions": PersonalRecords(Question, "request__applicant", OF_THE_TEAM),
    "decisions": PersonalRecords(Decision, "request__applicant", OF_THE_TEAM),
    "appeals": PersonalRecords(Appeal, "request__applicant"),
    "signatures": PersonalRecords(Acceptance, "person"),
    "grants": PersonalRecords(Grant, "person", OF_THE_TEAM),
    "coverage": PersonalRecords(Coverage, "grant__person", OF_THE_TEAM),
    "renewals": PersonalRecords(Renewal, "grant__person", OF_THE_TEAM),
    "memberships": PersonalRecords(Membership, "person", OF_THE_TEAM),
    "members_invited": PersonalRecords(Membership, "invited_by", OF_THE_TEAM),
    "holds": PersonalRecords(Hold, "person", OF_THE_TEAM),
    "downloads": PersonalRecords(Download, "person"),
    "uploads": PersonalRecords(Upload, "person"),
    "jobs": PersonalRecords(Job, "person"),
    "batches": PersonalRecords(Batch, "person"),
    "files": PersonalRecords(StoredFile, "person"),
    "prompts_read_by_operators": PersonalRecords(JobDisclosure, "job__person"),
    "prompts_asked_to_read": PersonalRecords(JobDisclosure, "asked_by"),
    "prompt_readings_confirmed": PersonalRecords(JobDisclosure, "confirmed_by"),
    "letters": PersonalRecords(OutboxMessage, "recipient"),
    "votes_cast": PersonalRecords(Review, "reviewer"),
    "cases_taken": PersonalRecords(Assignment, "reviewer"),
    "conflicts_declared": PersonalRecords(ConflictDeclaration, "reviewer"),
    "notes_written": PersonalRecords(Note, "author"),
    "questions_asked": PersonalRecords(Question, "asked_by", frozenset({"answer"})),
    "decisions_taken": PersonalRecords(Decision, "decided_by"),
    "lifts_given": PersonalRecords(HoldLift, "person"),
    "notifications_chosen": PersonalRecords(NotificationChoice, "user"),
    "digest_to_come": PersonalRecords(DigestItem, "reader"),
    "record": PersonalRecords(AuditEvent, "actor"),
}
_ACT = "what somebody did for the lab: the record, which is in the export, has the act"
ELSEWHERE = {
    "admin.logentry.user": "Django’s admin, which changes nothing here, so that it is empty",
    "outbox.lettertemplate.updated_by": _ACT,
    "outbox.outboxmessage.sender": _ACT,
    "accounts.affiliation.proved_by": _ACT,
    "access.gatesettings.updated_by": _ACT,
    "access.requestform.created_by": _ACT,
    "access.screeningentry.added_by": _ACT,
    "access.screeningentry.removed_by": _ACT,
    "access.screening.disposed_by": _ACT,
    "access.decision.undone_by": _ACT,
    "access.question.undone_by": _ACT,
    "access.assignment.assigned_by": _ACT,
    "access.offervote.voter": _ACT,
    "access.offervote.person": "the team’s own vote; an offer that came of it is here",
    "access.grant.revocation_proposed_by": _ACT,
    "access.grant.revoked_by": _ACT,
    "access.coverage.ended_by": _ACT,
    "access.membership.ended_by": _ACT,
    "access.renewal.decided_by": _ACT,
    "access.hold.placed_by": _ACT,
    "access.invitation.invited_by": _ACT,
    "access.caseguest.added_by": _ACT,
    "catalog.collectionmember.added_by": _ACT,
    "catalog.collectionmember.left_by": _ACT,
    "jobs.tariff.set_by": _ACT,
}
README = """What this portal holds about you, as of {at}.

account.json is your account. Each other file has the rows of one kind as JSON; the portal's
documentation says how long each kind is kept. Tokens come without their hashes, and letters with
links that sign in or confirm an address are left out: both would only help a thief. A review team's
notes and votes about you are not here; the decision and its reason are.
"""


def tables_of(person: User, now: datetime) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the name and the rows of each kind of data about the person."""
    for name, source in SOURCES.items():
        without = SECRET | source.without
        rows = _rows(name, source, person, now).iterator(1000)
        if name == "record":
            yield name, [told_to(person.pk, event) for event in rows]
        else:
            yield name, [plain(_as_shown(row, now), without=without) for row in rows]


def _as_shown(row: Model, now: datetime) -> Model:
    return row.as_shown(now) if isinstance(row, AccessRequest) else row


def account_of(person: User) -> dict[str, Any]:
    return plain(person, without=SECRET)


def _rows(name: str, source: PersonalRecords, person: User, now: datetime) -> QuerySet[Any]:
    if name == "letters":  # a queued one may be cancelled yet: then it never existed for them
        return letters_of(person, now).filter(is_secret=False).order_by("pk")
    if name in ("decisions", "questions", "grants"):  # others were never announced to them
        rows: Any = source.of(person)
        announced: QuerySet[Any] = rows.told(now)
        return announced
    if name == "coverage":
        return source.of(person).filter(grant__in=Grant.objects.told(now))
    if name == "record":
        return _events(person, now)
    return source.of(person)


def _events(person: User, now: datetime) -> QuerySet[AuditEvent]:
    """Select the events by the person and on what is theirs.

    Of events on their requests they get those that an applicant may read.
    """
    # What their own act undid of what they weren't told of stays untold.
    is_theirs = Q(actor=person) & ~Q(data__has_key="undone_for")
    is_theirs |= Q(target_type=User._meta.label_lower, target_id=str(person.pk))
    for rows in (
        AccessRequest.objects.filter(applicant=person),
        Grant.objects.filter(person=person).told(now),
        Acceptance.objects.filter(person=person),
    ):
        keys = [str(key) for key in rows.values_list("pk", flat=True)]
        target = _label(rows.model)
        is_told = Q(target_type=target, target_id__in=keys, type__in=TOLD)
        is_theirs |= is_told & ~untold_of(person, now)
    return AuditEvent.objects.filter(is_theirs).order_by("sequence")


def _label(model: type[Model]) -> str:
    return model._meta.label_lower

"""Write notes on a request, declare a conflict of interest, vouch for where its applicant works."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.access.evidence.refreshing import refresh_evidence
from portal.access.models import AccessRequest, ConflictDeclaration, Note
from portal.access.policy.locks import locked_request
from portal.access.policy.request_actions import RequestAction
from portal.access.requests.voting import void_votes
from portal.access.review.assignment import assignment_of, end_assignment
from portal.access.screening.claimed_affiliations import means_one_of
from portal.accounts.affiliations import organization_in_words
from portal.accounts.models import Affiliation, User
from portal.accounts.services import organization_named, vouch_affiliation
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import Conflict
from portal.parsing.texts import require_text


@transaction.atomic
def write_note(*, author: User, request_id: int, text: str, now: datetime) -> Note:
    """Write a note that only the team reads. The record says that there is one, not its text."""
    access_request = locked_request(author, request_id, RequestAction.NOTE, now)
    text = require_text(text, "text", missing="Write the note.")
    note = Note.objects.create(request=access_request, author=author, text=text, written_at=now)
    record(EventType.REQUEST_NOTED, actor=author, target=access_request, at=now, note=note.pk)
    return note


@transaction.atomic
def declare_conflict(
    *, reviewer: User, request_id: int, has_conflict: bool, statement: str, now: datetime
) -> ConflictDeclaration:
    """Declare that the reviewer has, or has not, a conflict of interest with the applicant.

    A conflict releases the request and voids the reviewer's vote. It can't be taken back: raise
    Conflict for the attempt. Declaring the same again changes nothing.
    """
    access_request = locked_request(reviewer, request_id, RequestAction.DECLARE, now)
    declared = ConflictDeclaration.objects.filter(
        request=access_request, reviewer=reviewer, has_conflict=True
    ).first()
    if declared is not None:
        if has_conflict:
            return declared
        raise Conflict("You declared a conflict of interest on this request; it stays declared.")
    missing = "Say in a few words what the conflict is." if has_conflict else ""
    statement = require_text(statement, "statement", missing=missing)
    declaration, _ = ConflictDeclaration.objects.update_or_create(
        request=access_request,
        reviewer=reviewer,
        defaults={
            "has_conflict": has_conflict,
            "statement": statement,
            "declared_at": now,
        },
    )
    if has_conflict:
        _step_back(access_request, reviewer, now)
    record(
        EventType.REQUEST_CONFLICT_DECLARED,
        actor=reviewer,
        target=access_request,
        at=now,
        has_conflict=has_conflict,
    )
    return declaration


def _step_back(access_request: AccessRequest, reviewer: User, now: datetime) -> None:
    assignment = assignment_of(access_request)
    if assignment is not None and assignment.reviewer_id == reviewer.pk:
        end_assignment(assignment, now)
    own_votes = access_request.reviews.filter(reviewer=reviewer)
    void_votes(own_votes, "conflict of interest declared", now)


@transaction.atomic
def vouch_for_applicant(
    *, reviewer: User, request_id: int, evidence: str, now: datetime
) -> Affiliation:
    """Store the reviewer's word that the applicant works where they say, as an affiliation.

    The affiliation's own event records it. Vouching again while it is valid changes nothing.
    """
    access_request = locked_request(reviewer, request_id, RequestAction.VOUCH, now)
    missing = "Say how you know that this person works there."
    evidence = require_text(evidence, "evidence", missing=missing)
    named = access_request.organization_name or str(access_request.draft.get("organization") or "")
    proved = [access_request.organization] if access_request.organization else []
    # Another spelling of a known organization must not become a second organization.
    known = means_one_of(named, proved) or organization_in_words(named)
    organization = known or organization_named(name=named, now=now)
    affiliation = vouch_affiliation(
        reviewer=reviewer,
        person_id=access_request.applicant_id,
        organization_id=organization.pk,
        evidence=evidence,
        now=now,
    )
    refresh_evidence([access_request], now)
    return affiliation

"""What happened to a request, newest first, as its applicant or a reviewer reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from portal.access.models import AccessRequest, Decision, Grant
from portal.access.refusals import whole_date
from portal.access.standing import State, grant_of
from portal.accounts.models import User


@dataclass(frozen=True)
class Event:
    at: datetime
    icon: str
    title: str
    text: str = ""
    quote: str = ""
    tone: str = ""


def history(access_request: AccessRequest, *, reader: User) -> list[Event]:
    """Told to the applicant as "you"; to the team by name."""
    mine = access_request.applicant_id == reader.pk
    events = [
        *_submissions(access_request, mine),
        *_conversation(access_request, reader, mine),
        *_decisions(access_request, reader, mine),
        *_withdrawal(access_request, mine),
        *_grant(grant_of(access_request), mine),
    ]
    return sorted(events, key=lambda event: event.at, reverse=True)


def _submissions(access_request: AccessRequest, mine: bool) -> Iterator[Event]:
    for each in access_request.submissions.select_related("acceptance__licence_version__licence"):
        signed = each.acceptance.licence_version
        who = "You signed and submitted" if mine else "Submitted and signed"
        text = f"Reference {access_request.reference}. Signed: {signed}."
        yield Event(each.submitted_at, "mail", who, text, tone="yes")


def _conversation(access_request: AccessRequest, reader: User, mine: bool) -> Iterator[Event]:
    for each in access_request.questions.select_related("asked_by"):
        asker = "The team" if mine else _name(each.asked_by, reader)
        yield Event(each.asked_at, "question", f"{asker} asked", quote=each.text, tone="wait")
        if each.answered_at:
            who = "You answered" if mine else "The applicant answered"
            yield Event(each.answered_at, "said", who, quote=each.answer)


def _decisions(access_request: AccessRequest, reader: User, mine: bool) -> Iterator[Event]:
    for each in access_request.decisions.select_related("decided_by"):
        who = "The team" if mine else _name(each.decided_by, reader)
        if each.verdict == Decision.Verdict.APPROVED:
            yield Event(each.decided_at, "done", f"{who} approved the request", tone="yes")
            continue
        reason = f"{Decision.Reason(each.reason_code).label}."
        title = f"{who} declined the request"
        yield Event(each.decided_at, "declined", title, reason, each.reason_text, "stop")


def _withdrawal(access_request: AccessRequest, mine: bool) -> Iterator[Event]:
    if access_request.state == State.WITHDRAWN and access_request.closed_at:
        who = "You" if mine else "The applicant"
        yield Event(access_request.closed_at, "revoked", f"{who} withdrew the request")


def _grant(grant: Grant | None, mine: bool) -> Iterator[Event]:
    if grant is None or grant.revoked_at is None:
        return
    text = f"It would have stood until {whole_date(grant.expires_at)}."
    title = "The lab ended your access" if mine else "The access was ended"
    yield Event(grant.revoked_at, "revoked", title, text, grant.revocation_reason, "stop")


def _name(person: User, reader: User) -> str:
    return "You" if person.pk == reader.pk else person.display_name

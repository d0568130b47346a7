"""What happened to a request, newest first, as its applicant or a reviewer reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from portal.access.lifecycle import BY_THE_LAB, end_by_somebody
from portal.access.models import (
    AccessRequest,
    Appeal,
    ConflictDeclaration,
    Decision,
    Escalation,
    Grant,
    Submission,
)
from portal.access.policy.gate_settings import settings_of
from portal.access.review.decisions.votes import visible_votes
from portal.access.review.status import State, grant_of
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.formatting import whole_date
from portal.text.bidi import isolated

NOT_TOLD = "For the team alone."


@dataclass(frozen=True)
class TimelineEvent:
    at: datetime
    icon: str
    title: str
    text: str = ""
    quote: str = ""
    tone: str = ""


@dataclass(frozen=True)
class TimelineReader:
    """To the applicant it is told as "you", and of the team as a whole unless it wants its
    reviewers named; to the team by name."""

    user: User
    is_applicant: bool
    sees_names: bool

    def name(self, user: User) -> str:
        if user.pk == self.user.pk:
            return "You"
        return isolated(user.display_name) if self.sees_names else "The team"


def timeline_of(access_request: AccessRequest, *, reader: User) -> list[TimelineEvent]:
    mine = access_request.applicant_id == reader.pk
    names = not mine or settings_of(access_request.repo).names_reviewers
    whom = TimelineReader(reader, mine, names)
    events = [
        *_submissions(access_request, mine),
        *_conversation(access_request, whom),
        *_decisions(access_request, whom),
        *_appeal(access_request, mine),
        *_reopenings(access_request, whom),
        *_withdrawal(access_request, mine),
        *_clock(access_request, mine),
        *_grant(grant_of(access_request), mine),
    ]
    if not mine:
        events += _of_the_team(access_request, whom)
    return sorted(events, key=lambda event: event.at, reverse=True)


def _submissions(access_request: AccessRequest, mine: bool) -> Iterator[TimelineEvent]:
    for each in access_request.submissions.select_related("acceptance__licence_version__licence"):
        if each.occasion == Submission.Occasion.CORRECTED:
            who = "You corrected" if mine else "The applicant corrected"
            yield TimelineEvent(each.submitted_at, "note", f"{who} the answers")
        if each.occasion == Submission.Occasion.RESUMED:
            who = "You took" if mine else "The applicant took"
            yield TimelineEvent(each.submitted_at, "said", f"{who} the request up again")
        if each.occasion != Submission.Occasion.SUBMITTED:
            continue
        signed = each.acceptance.licence_version
        who = "You signed and submitted" if mine else "Submitted and signed"
        text = f"Reference {access_request.reference}. Signed: {signed}."
        yield TimelineEvent(each.submitted_at, "mail", who, text, tone="yes")


def _conversation(access_request: AccessRequest, whom: TimelineReader) -> Iterator[TimelineEvent]:
    """Yield the questions and answers; questions that were undone are for the team alone."""
    for each in access_request.questions.select_related("asked_by", "undone_by"):
        if each.undone_at and whom.is_applicant:
            continue
        asker = whom.name(each.asked_by)
        yield TimelineEvent(
            each.asked_at, "question", f"{asker} asked", quote=each.text, tone="wait"
        )
        if each.answered_at and each.answer != each.NO_ANSWER:
            who = "You answered" if whom.is_applicant else "The applicant answered"
            yield TimelineEvent(each.answered_at, "said", who, quote=each.answer)
        if each.undone_at and each.undone_by:
            yield TimelineEvent(
                each.undone_at, "revoked", f"{whom.name(each.undone_by)} undid the question"
            )


def _decisions(access_request: AccessRequest, whom: TimelineReader) -> Iterator[TimelineEvent]:
    """What was undone is the team's matter: for the applicant it never was."""
    for each in access_request.decisions.select_related("decided_by", "undone_by"):
        if each.undone_at and whom.is_applicant:
            continue
        who = whom.name(each.decided_by)
        alone = "Alone, as the owner." if each.is_override and not whom.is_applicant else ""
        if each.verdict == Decision.Verdict.APPROVED:
            title = f"{who} approved the request"
            yield TimelineEvent(each.decided_at, "done", title, alone, tone="yes")
        else:
            reason = f"{Decision.Reason(each.reason_code).label}. {alone}".strip()
            title = f"{who} declined the request"
            yield TimelineEvent(
                each.decided_at, "declined", title, reason, each.reason_text, "stop"
            )
        if each.undone_at and each.undone_by:
            undoer = whom.name(each.undone_by)
            yield TimelineEvent(each.undone_at, "revoked", f"{undoer} undid the decision")


def _appeal(access_request: AccessRequest, mine: bool) -> Iterator[TimelineEvent]:
    appeal = Appeal.objects.filter(request=access_request).first()
    if appeal is not None:
        who = "You" if mine else "The applicant"
        yield TimelineEvent(
            appeal.filed_at, "flag", f"{who} appealed", quote=appeal.text, tone="wait"
        )


def _reopenings(access_request: AccessRequest, whom: TimelineReader) -> Iterator[TimelineEvent]:
    of_this = AuditEvent.objects.filter(
        target_type="access.accessrequest", target_id=str(access_request.pk)
    )
    for each in of_this.filter(type=EventType.REQUEST_REOPENED).select_related("actor"):
        who = whom.name(each.actor) if each.actor else "The team"
        yield TimelineEvent(each.at, "review", f"{who} took the request up again")


def _withdrawal(access_request: AccessRequest, mine: bool) -> Iterator[TimelineEvent]:
    if access_request.state == State.WITHDRAWN and access_request.closed_at:
        who = "You" if mine else "The applicant"
        yield TimelineEvent(access_request.closed_at, "revoked", f"{who} withdrew the request")


LATE = {1: "the administrators of its team", 2: "those who answer for the model"}


def _clock(access_request: AccessRequest, mine: bool) -> Iterator[TimelineEvent]:
    """What time itself did: the applicant reads that it is late as the team does."""
    for each in access_request.escalations.all():
        if each.reason == Escalation.Reason.OVERDUE:
            text = f"It is with {LATE[each.level]}."
            yield TimelineEvent(each.escalated_at, "clock", "The answer is late", text, tone="stop")
        elif each.reason == Escalation.Reason.STRANDED:
            text = "It is with those who answer for the model."
            title = "Too few of the team are free to decide it"
            yield TimelineEvent(each.escalated_at, "clock", title, text, tone="wait")
        else:
            whose = "Your address takes" if mine else "The applicant’s address takes"
            title = f"{whose} no mail"
            text = "So the request does not lapse. The team was told."
            yield TimelineEvent(each.escalated_at, "mail", title, text, tone="stop")
    if access_request.state == State.LAPSED and access_request.closed_at:
        text = "The question was not answered in time. For 90 days it can be taken up again."
        yield TimelineEvent(
            access_request.closed_at, "clock", "The request lapsed", text, tone="stop"
        )


def _grant(grant: Grant | None, mine: bool) -> Iterator[TimelineEvent]:
    end = end_by_somebody(grant) if grant else None
    if grant is None or end is None or end.cause not in BY_THE_LAB:
        return
    text = f"It would have stood until {whole_date(grant.expires_at)}."
    title = "The lab ended your access" if mine else "The access was ended"
    yield TimelineEvent(end.at, "revoked", title, text, grant.revocation_reason, "stop")


def _of_the_team(access_request: AccessRequest, whom: TimelineReader) -> list[TimelineEvent]:
    """Notes, votes as far as they may be seen, conflicts, and who took the case."""
    notes = access_request.notes.select_related("author")
    votes = visible_votes(access_request, whom.user)
    declared = ConflictDeclaration.objects.filter(request=access_request, has_conflict=True)
    assigned = access_request.assignments.select_related("reviewer")
    events = [
        TimelineEvent(
            each.written_at, "note", f"{whom.name(each.author)} noted, privately", quote=each.text
        )
        for each in notes
    ]
    events += [
        TimelineEvent(each.cast_at, "tick", f"{whom.name(each.reviewer)} voted: {each.verdict}")
        for each in votes
    ]
    events += [
        TimelineEvent(
            each.declared_at,
            "flag",
            f"{whom.name(each.reviewer)} declared a conflict of interest",
            quote=each.statement,
        )
        for each in declared.select_related("reviewer")
    ]
    events += [
        TimelineEvent(each.assigned_at, "review", f"{whom.name(each.reviewer)} took the case")
        for each in assigned
    ]
    return events

"""Tell what happened to a request, newest first, to its applicant or to a reviewer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.access.lifecycle import BY_THE_LAB, end_by_somebody
from portal.access.models import (
    AccessRequest,
    Appeal,
    ConflictDeclaration,
    Decision,
    Escalation,
    Grant,
    Submission,
    snapshots_of,
)
from portal.access.policy.covered import standing_coverage
from portal.access.policy.gate_settings import settings_of
from portal.access.review.decisions.votes import visible_votes
from portal.access.review.history import (
    assignments_of,
    decisions_of,
    notes_of,
    questions_of,
)
from portal.access.review.status import State, grants_of, told_grants_of
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.formatting import whole_date
from portal.text.bidi import isolated


@dataclass(frozen=True)
class TimelineEvent:
    """One entry of a timeline; ``quote`` is somebody's own words, ``tone`` a colour."""

    at: datetime
    icon: str
    title: str
    text: str = ""
    quote: str = ""
    tone: str = ""


@dataclass(frozen=True)
class TimelineReader:
    """Somebody who reads a timeline, and by which names they read of others.

    They read of themselves as "You". Applicants read of reviewers as "The team" unless the gate
    names its reviewers; the team reads all names.
    """

    user: User
    is_applicant: bool
    sees_names: bool
    now: datetime

    def name(self, user: User) -> str:
        if user.pk == self.user.pk:
            return _("You")
        return isolated(user.display_name) if self.sees_names else _("The team")


def timeline_of(
    access_request: AccessRequest, *, reader: User, now: datetime
) -> list[TimelineEvent]:
    """Return every event that ``reader`` may know of, newest first."""
    is_applicant = access_request.applicant_id == reader.pk
    sees_names = not is_applicant or settings_of(access_request.repo).names_reviewers
    whom = TimelineReader(reader, is_applicant, sees_names, now)
    grants = told_grants_of(access_request, now) if is_applicant else grants_of(access_request)
    events = [
        *_submissions(access_request, is_applicant),
        *_conversation(access_request, whom),
        *_decisions(access_request, whom),
        *_appeal(access_request, is_applicant),
        *_reopenings(access_request, whom),
        *_withdrawal(access_request, is_applicant),
        *_passed_dates(access_request, is_applicant),
        *(event for grant in grants for event in _grant_end(grant, is_applicant)),
    ]
    if not is_applicant:
        events += _team_events(access_request, whom, now)
    return sorted(events, key=lambda event: event.at, reverse=True)


def _submissions(access_request: AccessRequest, is_applicant: bool) -> Iterator[TimelineEvent]:
    for submission in snapshots_of(access_request):
        if submission.occasion == Submission.Occasion.CORRECTED:
            title = (
                _("You corrected the answers")
                if is_applicant
                else "The applicant corrected the answers"
            )
            yield TimelineEvent(submission.submitted_at, "note", title)
        if submission.occasion == Submission.Occasion.RESUMED:
            title = (
                _("You took the request up again")
                if is_applicant
                else "The applicant took the request up again"
            )
            yield TimelineEvent(submission.submitted_at, "said", title)
        if submission.occasion != Submission.Occasion.SUBMITTED:
            continue
        title = _("You signed and submitted") if is_applicant else "Submitted and signed"
        facts = {"reference": access_request.reference, "texts": submission.texts_signed}
        text = _("Reference %(reference)s. Signed: %(texts)s.") % facts
        yield TimelineEvent(submission.submitted_at, "mail", title, text, tone="yes")


def _conversation(access_request: AccessRequest, whom: TimelineReader) -> Iterator[TimelineEvent]:
    """Yield questions and answers; only the team learns of those that are or can be undone."""
    questions = access_request.questions.select_related("asked_by", "undone_by").told(whom.now)
    for question in questions if whom.is_applicant else questions_of(access_request):
        title = _("%(who)s asked") % {"who": whom.name(question.asked_by)}
        at = question.told_at if whom.is_applicant else question.asked_at
        yield TimelineEvent(at, "question", title, quote=question.text, tone="wait")
        if question.answered_at and question.answer != question.NO_ANSWER:
            title = _("You answered") if whom.is_applicant else "The applicant answered"
            yield TimelineEvent(question.answered_at, "said", title, quote=question.answer)
        if question.undone_at and question.undone_by:
            yield TimelineEvent(
                question.undone_at,
                "revoked",
                f"{_undoer(question.undone_by, access_request, whom)} undid the question",
            )


def _decisions(access_request: AccessRequest, whom: TimelineReader) -> Iterator[TimelineEvent]:
    """Yield the decisions; only the team learns of those that are or can be undone."""
    decisions = access_request.decisions.select_related("decided_by", "undone_by").told(whom.now)
    for decision in decisions if whom.is_applicant else decisions_of(access_request):
        at = decision.told_at if whom.is_applicant else decision.decided_at
        who = whom.name(decision.decided_by)
        alone = "" if whom.is_applicant else _alone(decision)
        if decision.verdict == Decision.Verdict.APPROVED:
            title = _("%(who)s approved the request") % {"who": who}
            yield TimelineEvent(at, "done", title, alone, tone="yes")
        else:
            listed = decision.listed_reason
            reason = f"{listed}. {alone}".strip() if listed else alone
            title = _("%(who)s declined the request") % {"who": who}
            yield TimelineEvent(at, "declined", title, reason, decision.reason_text, "stop")
        if decision.undone_at and decision.undone_by:
            undoer = _undoer(decision.undone_by, access_request, whom)
            yield TimelineEvent(decision.undone_at, "revoked", f"{undoer} undid the decision")


def _undoer(person: User, access_request: AccessRequest, whom: TimelineReader) -> str:
    """Name who undid it; an applicant who isn't told of it undoes it by what they do."""
    is_applicant = person.pk == access_request.applicant_id
    return "The applicant’s own act" if is_applicant else whom.name(person)


def _alone(decision: Decision) -> str:
    if decision.is_by_chair:
        return f"As the chair, where the votes differed: {decision.chair_reason}"
    return "Alone, as the owner." if decision.is_override else ""


def _appeal(access_request: AccessRequest, is_applicant: bool) -> Iterator[TimelineEvent]:
    appeal: Appeal | None = getattr(access_request, "appeal", None)
    if appeal is not None:
        title = _("You appealed") if is_applicant else "The applicant appealed"
        yield TimelineEvent(appeal.filed_at, "flag", title, quote=appeal.text, tone="wait")


def _reopenings(access_request: AccessRequest, whom: TimelineReader) -> Iterator[TimelineEvent]:
    # The request's row keeps no trace of it, so the audit record tells.
    recorded = AuditEvent.objects.filter(
        target_type="access.accessrequest", target_id=str(access_request.pk)
    )
    for event in recorded.filter(type=EventType.REQUEST_REOPENED).select_related("actor"):
        if whom.is_applicant and event.data.get("is_silent"):
            continue
        who = whom.name(event.actor) if event.actor else _("The team")
        title = _("%(who)s took the request up again") % {"who": who}
        yield TimelineEvent(event.at, "review", title)


def _withdrawal(access_request: AccessRequest, is_applicant: bool) -> Iterator[TimelineEvent]:
    if access_request.state == State.WITHDRAWN and access_request.closed_at:
        title = (
            _("You withdrew the request") if is_applicant else "The applicant withdrew the request"
        )
        yield TimelineEvent(access_request.closed_at, "revoked", title)


LATE = {
    1: gettext_lazy("It is with the administrators of its team."),
    2: gettext_lazy("It is with those who answer for the model."),
}


def _passed_dates(access_request: AccessRequest, is_applicant: bool) -> Iterator[TimelineEvent]:
    """Yield escalations and the lapse; applicants read that an answer is late as the team does."""
    for escalation in access_request.escalations.all():
        if escalation.reason == Escalation.Reason.OVERDUE:
            title, text = _("The answer is late"), str(LATE[escalation.level])
            yield TimelineEvent(escalation.escalated_at, "clock", title, text, tone="stop")
        elif escalation.reason == Escalation.Reason.STRANDED:
            title, text = _("Too few of the team are free to decide it"), str(LATE[2])
            yield TimelineEvent(escalation.escalated_at, "clock", title, text, tone="wait")
        else:
            title = (
                _("Your address takes no mail")
                if is_applicant
                else "The applicant’s address takes no mail"
            )
            text = _("So the request does not lapse. The team was told.")
            yield TimelineEvent(escalation.escalated_at, "mail", title, text, tone="stop")
    if access_request.state == State.LAPSED and access_request.closed_at:
        title = _("The request lapsed")
        text = _("The question was not answered in time. For 90 days it can be taken up again.")
        yield TimelineEvent(access_request.closed_at, "clock", title, text, tone="stop")


def _grant_end(grant: Grant, is_applicant: bool) -> Iterator[TimelineEvent]:
    end = end_by_somebody(grant)
    if end is None or end.cause not in BY_THE_LAB:
        return
    names = ", ".join(row.repo.full_name for row in standing_coverage(grant))
    text = _("It was granted until %(day)s.") % {"day": whole_date(grant.expires_at)}
    if names:
        text = f"{text} {_('Models: %(names)s.') % {'names': names}}"
    title = _("The lab ended your access") if is_applicant else "The access was ended"
    yield TimelineEvent(end.at, "revoked", title, text, grant.revocation_reason, "stop")


def _team_events(
    access_request: AccessRequest, whom: TimelineReader, now: datetime
) -> list[TimelineEvent]:
    """Return notes, votes that the reader may see, conflicts of interest, and assignments."""
    notes = notes_of(access_request)
    votes = visible_votes(access_request, whom.user, now)
    declared = ConflictDeclaration.objects.filter(request=access_request, has_conflict=True)
    assigned = assignments_of(access_request)
    events = [
        TimelineEvent(
            note.written_at, "note", f"{whom.name(note.author)} noted, privately", quote=note.text
        )
        for note in notes
    ]
    events += [
        TimelineEvent(vote.cast_at, "tick", f"{whom.name(vote.reviewer)} voted: {vote.verdict}")
        for vote in votes
    ]
    events += [
        TimelineEvent(
            declaration.declared_at,
            "flag",
            f"{whom.name(declaration.reviewer)} declared a conflict of interest",
            quote=declaration.statement,
        )
        for declaration in declared.select_related("reviewer")
    ]
    events += [
        TimelineEvent(
            assignment.assigned_at, "review", f"{whom.name(assignment.reviewer)} took the case"
        )
        for assignment in assigned
    ]
    return events

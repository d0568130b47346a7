"""Questions that an applicant doesn't answer: reminders, and the end of the request."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from portal.access.letters.mailer import applicant_of, send
from portal.access.models import AccessRequest, Escalation, Question
from portal.access.policy.contacts import administrators
from portal.access.reminders.escalation import escalate, tell, with_assignee
from portal.access.reminders.timer import Timer, letters, locking
from portal.access.requests.answering import RESUMABLE
from portal.audit.events import EventType
from portal.audit.services import record
from portal.formatting import whole_date
from portal.outbox.models import BouncedAddress, OutboxMessage

WEEK, DAY = timedelta(days=7), timedelta(days=1)  # before the deadline
AFTER_THE_REMINDER = timedelta(hours=24)
State = AccessRequest.State
Mail = OutboxMessage.State


def _reminder(before: timedelta, **narrower: Any) -> QuerySet[OutboxMessage]:
    key = ("request-", OuterRef("request_id"), "-question-", OuterRef("pk"))
    return letters(*key, f"-reminder-{before.days}", **narrower)


def _open_questions() -> QuerySet[Question]:
    return Question.objects.open().filter(request__state=State.NEEDS_INFO)


def questions_to_remind(now: datetime) -> QuerySet[Question]:
    """Select questions a week before their deadline, where there was one, and a day before.

    Where both reminders are due, the later one alone is sent.
    """
    last = Q(deadline_at__lte=now + DAY) & ~Exists(_reminder(DAY))
    first: Any = Q(deadline_at__lte=now + WEEK, deadline_at__gt=now + DAY)
    first &= Q(asked_at__lt=F("deadline_at") - WEEK) & ~Exists(_reminder(WEEK))
    return _open_questions().filter(last | first)


def remind_of_question(question: Question, now: datetime) -> None:
    access_request = question.request
    days = (DAY if question.deadline_at <= now + DAY else WEEK).days
    send(
        applicant_of(access_request).linked(_("Answer the question")),
        kind="question_reminder",
        key=f"question-{question.pk}-reminder-{days}",
        facts=lambda: {
            "question": question.text,
            "deadline": whole_date(question.deadline_at),
            "days": str(RESUMABLE.days),
        },
        now=now,
    )
    facts = {"of": "question", "question": question.pk, "days": days}
    record(EventType.REMINDED, actor=None, target=access_request, at=now, **facts)


def _to_live_address(mails: QuerySet[OutboxMessage]) -> QuerySet[OutboxMessage]:
    bounced = BouncedAddress.objects.filter(
        address=Lower(OuterRef("address")), cleared_at__isnull=True
    )
    return mails.filter(~Exists(bounced))


def questions_to_lapse(now: datetime) -> QuerySet[Question]:
    """Select questions past their deadline whose last reminder was delivered a day ago."""
    # The time for the answer was the applicant's only if the reminder reached them.
    a_day_ago = now - AFTER_THE_REMINDER
    delivered = _to_live_address(_reminder(DAY, state=Mail.SENT, sent_at__lte=a_day_ago))
    return _open_questions().filter(Exists(delivered), deadline_at__lte=now)


def lapse_request(question: Question, now: datetime) -> None:
    """End a request whose question went unanswered although the reminder arrived."""
    # Its row is locked with the question's, so that an answer comes before the lapse or after it.
    access_request = question.request
    access_request.move_to(State.LAPSED)
    access_request.closed_at = now
    access_request.save(update_fields=["state", "closed_at"])
    send(
        applicant_of(access_request).linked(_("Take it up again")),
        kind="lapse",
        key=f"question-{question.pk}-lapsed",
        facts=lambda: {"until": whole_date(now + RESUMABLE)},
        now=now,
    )
    facts = {"question": question.pk}
    record(EventType.REQUEST_LAPSED, actor=None, target=access_request, at=now, **facts)


def questions_unreachable(now: datetime) -> QuerySet[Question]:
    """Select questions past their deadline whose last reminder neither arrived nor may still."""
    underway = _to_live_address(_reminder(DAY, state__in=(Mail.SENT, Mail.QUEUED)))
    escalated = Escalation.objects.filter(
        request=OuterRef("request_id"),
        reason=Escalation.Reason.BOUNCED,
        escalated_at__gte=OuterRef("asked_at"),
    )
    past = _open_questions().filter(Exists(_reminder(DAY)), deadline_at__lte=now)
    return past.filter(~Exists(underway), ~Exists(escalated))


def escalate_unreachable(question: Question, now: datetime) -> None:
    """Tell the team that its applicant isn't reached. The request stays open meanwhile."""
    access_request = question.request
    escalate(access_request, Escalation.Reason.BOUNCED, 1, now)
    people = with_assignee(access_request, administrators(access_request.repo))
    key = f"question-{question.pk}-unreachable"
    tell(access_request, people, kind="unreachable", key=key, now=now)
    facts = {"question": question.pk}
    record(EventType.REQUEST_UNREACHABLE, actor=None, target=access_request, at=now, **facts)


_LOCK = locking("request__repo__namespace", "request__applicant", of=("self", "request"))
TIMERS = (
    Timer("question_reminder", questions_to_remind, remind_of_question, _LOCK),
    Timer("lapse", questions_to_lapse, lapse_request, _LOCK),
    Timer("unreachable", questions_unreachable, escalate_unreachable, _LOCK),
)

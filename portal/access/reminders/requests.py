"""Reminders to applicants, and what ends where they don't answer: drafts and open questions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from portal.access.deadlines import due
from portal.access.letters import request_deadlines as letters
from portal.access.models import AccessRequest, Question
from portal.audit.events import EventType
from portal.audit.services import record

State = AccessRequest.State


def _draft(found: QuerySet[Any], request_id: int) -> Any:
    locked = found.select_for_update(of=("self",), skip_locked=True)
    return locked.select_related("repo__namespace", "applicant").filter(pk=request_id).first()


def _question(found: QuerySet[Question], question_id: int) -> Question | None:
    locked = found.select_for_update(of=("self", "request"), skip_locked=True)
    whole = locked.select_related("request__repo__namespace", "request__applicant")
    question: Question | None = whole.filter(pk=question_id).first()
    return question


@transaction.atomic
def remind_of_draft(*, request_id: int, now: datetime) -> bool:
    draft = _draft(due.drafts_to_remind(now), request_id)
    if draft is None:
        return False
    letters.send_draft_reminder(draft, draft.stamp, now=now)
    record(EventType.REMINDED, actor=None, target=draft, at=now, of="draft")
    return True


@transaction.atomic
def remove_draft(*, request_id: int, now: datetime) -> bool:
    """What nobody sent in goes; its answers were the applicant's alone."""
    draft = _draft(due.drafts_to_remove(now), request_id)
    if draft is None:
        return False
    record(EventType.DRAFT_REMOVED, actor=None, target=draft, at=now)
    draft.delete()
    return True


@transaction.atomic
def remind_of_question(*, question_id: int, now: datetime) -> bool:
    question = _question(due.questions_to_remind(now), question_id)
    if question is None:
        return False
    days = due.reminder_days(question, now)
    letters.send_question_reminder(question, days=days, now=now)
    record(
        EventType.REMINDED,
        actor=None,
        target=question.request,
        at=now,
        of="question",
        question=question.pk,
        days=days,
    )
    return True


@transaction.atomic
def lapse_request(*, question_id: int, now: datetime) -> bool:
    """End a request whose question went unanswered although the reminder arrived."""
    question = _question(due.questions_to_lapse(now), question_id)
    if question is None:
        return False
    case = question.request
    case.move_to(State.LAPSED)
    case.closed_at = now
    case.save(update_fields=["state", "closed_at"])
    letters.send_lapse(question, now=now)
    record(EventType.REQUEST_LAPSED, actor=None, target=case, at=now, question=question.pk)
    return True

"""Ask the applicant."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from portal.access.letters import requests as letters
from portal.access.models import AccessRequest, Question
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.locks import locked_case
from portal.access.policy.request_actions import RequestAction
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.parsing.texts import require_text


@transaction.atomic
def ask_question(*, reviewer: User, request_id: int, text: str, now: datetime) -> Question:
    """Ask the applicant one thing; the clock stands until they answer.

    The letter waits, as a decision's does, so that the question can be undone.
    """
    case = locked_case(reviewer, request_id, RequestAction.ASK, now)
    missing = "Write the question that the applicant is to answer."
    text = require_text(text, "text", missing=missing)
    case.move_to(AccessRequest.State.NEEDS_INFO)
    case.was_asked = True
    case.save(update_fields=["state", "was_asked"])
    question = Question.objects.create(
        request=case,
        text=text,
        asked_by=reviewer,
        asked_at=now,
        deadline_at=now + timedelta(days=settings_of(case.repo).question_days),
        undo_until=now + timedelta(minutes=settings_of(case.repo).undo_minutes),
    )
    letters.send_question(case, question, now=now)
    record(
        EventType.REQUEST_QUESTION_ASKED, actor=reviewer, target=case, at=now, question=question.pk
    )
    return question

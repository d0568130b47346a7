"""Ask the applicant a question, which pauses the clock of the request."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from portal.access.letters import requests as letters
from portal.access.models import AccessRequest, Question
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.locks import locked_request
from portal.access.policy.request_actions import RequestAction
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.parsing.texts import require_text


@transaction.atomic
def ask_question(*, reviewer: User, request_id: int, text: str, now: datetime) -> Question:
    """Ask the applicant a question. The request's clock is paused until they answer.

    For some minutes it can be undone, as a decision can; the applicant learns of it after them.
    """
    access_request = locked_request(reviewer, request_id, RequestAction.ASK, now)
    missing = "Write the question that the applicant is to answer."
    text = require_text(text, "text", missing=missing)
    settings = settings_of(access_request.repo)
    told_at = now + timedelta(minutes=settings.undo_minutes)
    access_request.move_to(AccessRequest.State.NEEDS_INFO, shown_from=told_at)
    access_request.was_asked = True
    access_request.save(update_fields=[*AccessRequest.STATE_FIELDS, "was_asked"])
    question = Question.objects.create(
        request=access_request,
        text=text,
        asked_by=reviewer,
        asked_at=now,
        deadline_at=told_at + timedelta(days=settings.question_days),
        undo_until=told_at,
    )
    letters.send_question(access_request, question, now=now)
    record(
        EventType.REQUEST_QUESTION_ASKED,
        actor=reviewer,
        target=access_request,
        at=now,
        question=question.pk,
    )
    return question

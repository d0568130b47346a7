"""What an applicant says after submitting: an answer, a correction. Each is a new snapshot."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from portal.access.letters import requests as letters
from portal.access.models import AccessRequest, Question, Submission
from portal.access.policy.locks import locked_request
from portal.access.policy.request_actions import RequestAction
from portal.access.requests.reopening import require_no_other_open
from portal.access.requests.snapshots import corrected, newest_submission, take_next_snapshot
from portal.access.requests.submission import route_to_review
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import Conflict
from portal.outbox.services import cancel_mail
from portal.parsing.texts import require_text

State = AccessRequest.State
Occasion = Submission.Occasion
RESUMABLE = timedelta(days=90)


@transaction.atomic
def answer_question(
    *,
    applicant: User,
    request_id: int,
    answer: str,
    now: datetime,
    changes: dict[str, Any] | None = None,
) -> Question:
    """Answer the open question: the request goes back to review, its due date moved by the wait.

    The answer alone voids no vote. ``changes`` to what a vote rests on do.
    """
    access_request = locked_request(applicant, request_id, RequestAction.ANSWER, now)
    question = _answered(access_request, answer, now)
    if access_request.due_at is not None:
        access_request.due_at += now - question.asked_at
    snapshot = take_next_snapshot(
        access_request, changes=changes or {}, occasion=Occasion.ANSWERED, now=now
    )
    route_to_review(access_request, snapshot, now)
    access_request.save()
    record(
        EventType.REQUEST_QUESTION_ANSWERED,
        actor=applicant,
        target=access_request,
        at=now,
        question=question.pk,
        **snapshot.event_data(),
    )
    return question


def _answered(access_request: AccessRequest, answer: str, now: datetime) -> Question:
    """The open question with its answer."""
    answer = require_text(answer, "answer", missing="Write an answer; a sentence may do.")
    question = access_request.questions.open().get()
    question.answer, question.answered_at = answer, now
    question.save(update_fields=["answer", "answered_at"])
    cancel_mail(keys=[letters.question_key(question)], now=now)  # read here before it left
    return question


@transaction.atomic
def correct_request(
    *, applicant: User, request_id: int, changes: dict[str, Any], now: datetime
) -> Submission:
    """Put right what was submitted. Where nothing differs, the newest snapshot stays."""
    access_request = locked_request(applicant, request_id, RequestAction.CORRECT, now)
    newest = newest_submission(access_request)
    if corrected(newest, changes) == newest.answers:
        return newest
    snapshot = take_next_snapshot(
        access_request, changes=changes, occasion=Occasion.CORRECTED, now=now
    )
    route_to_review(access_request, snapshot, now)
    access_request.save()
    record(
        EventType.REQUEST_CORRECTED,
        actor=applicant,
        target=access_request,
        at=now,
        **snapshot.event_data(),
    )
    return snapshot.submission


@transaction.atomic
def resume_request(
    *,
    applicant: User,
    request_id: int,
    answer: str,
    now: datetime,
    changes: dict[str, Any] | None = None,
) -> AccessRequest:
    """Take up a request that lapsed, with the answer that it waited for."""
    access_request = locked_request(applicant, request_id, RequestAction.RESUME, now)
    require_no_other_open(access_request)
    if not is_resumable(access_request, now):
        raise Conflict(
            f"This request lapsed more than {RESUMABLE.days} days ago. Ask anew; your answers are "
            "kept."
        )
    if access_request.questions.open().exists():
        _answered(access_request, answer, now)
    access_request.closed_at = None
    access_request.due_at = now + timedelta(days=access_request.repo.decision_days)
    access_request.escalation_level, access_request.escalated_at = 0, None
    snapshot = take_next_snapshot(
        access_request, changes=changes or {}, occasion=Occasion.RESUMED, now=now
    )
    route_to_review(access_request, snapshot, now)
    access_request.save()
    letters.send_resumption(access_request, number=snapshot.submission.number, now=now)
    record(
        EventType.REQUEST_RESUMED,
        actor=applicant,
        target=access_request,
        at=now,
        **snapshot.event_data(),
    )
    return access_request


def resumable_until(access_request: AccessRequest) -> datetime | None:
    """The last moment to take up a lapsed request; None for any other."""
    lapsed = access_request.state == State.LAPSED
    return access_request.closed_at + RESUMABLE if lapsed and access_request.closed_at else None


def is_resumable(access_request: AccessRequest, now: datetime) -> bool:
    until = resumable_until(access_request)
    return until is not None and now <= until

"""Take an applicant's answer or correction after the submission; each makes a new snapshot."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from portal.access.letters import requests as letters
from portal.access.letters.team import requests as team
from portal.access.models import AccessRequest, Question, Submission
from portal.access.policy.locks import locked_request
from portal.access.policy.request_actions import RequestAction
from portal.access.requests.reopening import require_no_other_open, restart
from portal.access.requests.routing import route_to_review
from portal.access.requests.snapshots import corrected, newest_submission, take_next_snapshot
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
    """Answer the open question and put the request back into review.

    The due date moves by the time that the team waited. The answer alone voids no vote; ``changes``
    to answers that votes rest on void them all. Raise FieldErrors without an answer.
    """
    access_request = locked_request(applicant, request_id, RequestAction.ANSWER, now)
    question = _store_answer(access_request, answer, now)
    if access_request.due_at is not None:
        access_request.due_at += now - question.asked_at
    snapshot = take_next_snapshot(
        access_request, changes=changes or {}, occasion=Occasion.ANSWERED, now=now
    )
    route_to_review(access_request, snapshot, now)
    access_request.save()
    team.tell_answered(access_request, voided=snapshot.voided, now=now)
    record(
        EventType.REQUEST_QUESTION_ANSWERED,
        actor=applicant,
        target=access_request,
        at=now,
        question=question.pk,
        **snapshot.event_data(),
    )
    return question


def _store_answer(access_request: AccessRequest, answer: str, now: datetime) -> Question:
    """Store the answer with the open question, and return the question."""
    answer = require_text(answer, "answer", missing=_("Write an answer; a sentence may do."))
    question = access_request.questions.open().get()
    question.answer, question.answered_at = answer, now
    question.save(update_fields=["answer", "answered_at"])
    # The applicant has read the question on the page, perhaps before its mail left.
    cancel_mail(keys=[letters.question_key(question)], now=now)
    return question


@transaction.atomic
def correct_request(
    *,
    applicant: User,
    request_id: int,
    changes: dict[str, Any],
    now: datetime,
    voided_before: int = 0,
) -> Submission:
    """Replace submitted answers. Return the newest snapshot unchanged if nothing differs.

    ``voided_before``: the votes that the same act has voided; who cast them is told as well.
    """
    access_request = locked_request(applicant, request_id, RequestAction.CORRECT, now)
    newest = newest_submission(access_request)
    if corrected(newest, changes) == newest.answers:
        return newest
    snapshot = take_next_snapshot(
        access_request, changes=changes, occasion=Occasion.CORRECTED, now=now
    )
    route_to_review(access_request, snapshot, now)
    access_request.save()
    voided = snapshot.voided + voided_before
    team.tell_corrected(access_request, voided=voided, now=now)
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
    """Reopen a lapsed request with the answer that it waited for.

    Raise Conflict more than 90 days after the lapse, or if another request is open by now.
    """
    access_request = locked_request(applicant, request_id, RequestAction.RESUME, now)
    require_no_other_open(access_request)
    if not is_resumable(access_request, now):
        raise Conflict(
            _(
                "This request lapsed more than %(days)s days ago. Make a new request; your answers "
                "are kept."
            )
            % {"days": RESUMABLE.days}
        )
    if access_request.questions.open().exists():
        _store_answer(access_request, answer, now)
    restart(access_request, now)
    snapshot = take_next_snapshot(
        access_request, changes=changes or {}, occasion=Occasion.RESUMED, now=now
    )
    route_to_review(access_request, snapshot, now)
    access_request.save()
    team.tell_answered(access_request, voided=snapshot.voided, now=now)
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
    """Return until when a lapsed request can be resumed, or None for any other request."""
    lapsed = access_request.state == State.LAPSED
    return access_request.closed_at + RESUMABLE if lapsed and access_request.closed_at else None


def is_resumable(access_request: AccessRequest, now: datetime) -> bool:
    until = resumable_until(access_request)
    return until is not None and now <= until

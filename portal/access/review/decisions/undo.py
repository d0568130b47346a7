"""Take back a decision or a question: silently within minutes, later with notice."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from portal.access.errors import MailHasLeft, NewerRequest, RequestHasMovedOn
from portal.access.grants.ending.end import UNDONE, Cause, end_grants
from portal.access.grants.locks import lock_lasting
from portal.access.letters import decisions as letters
from portal.access.letters.requests import question_key
from portal.access.models import AccessRequest, Decision, Grant, Question
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.locks import locked_request
from portal.access.policy.request_actions import RequestAction
from portal.access.requests.reopening import require_answers
from portal.access.requests.voting import void_votes
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import Conflict
from portal.outbox.services import cancel_mail
from portal.parsing.texts import require_text


def undo_last(*, actor: User, request_id: int, now: datetime) -> AccessRequest:
    """Take back what was done last, a question or a decision, while its letter hasn't left."""
    asked = AccessRequest.objects.filter(pk=request_id, state=AccessRequest.State.NEEDS_INFO)
    undo = undo_question if asked.exists() else undo_decision
    return undo(actor=actor, request_id=request_id, now=now)


@transaction.atomic
def undo_question(*, actor: User, request_id: int, now: datetime) -> AccessRequest:
    """Take back a question whose letter hasn't left: for the applicant it never was."""
    access_request = locked_request(actor, request_id, RequestAction.UNDO, now)
    question = access_request.questions.open().first()
    if access_request.state != AccessRequest.State.NEEDS_INFO or question is None:
        raise RequestHasMovedOn(access_request.reference, access_request.get_state_display())
    has_left = question.undo_until is None or now >= question.undo_until
    if has_left or not cancel_mail(keys=[question_key(question)], now=now):
        raise MailHasLeft("Wait for the answer, or ask again after it.", act="question")
    question.undone_at, question.undone_by = now, actor
    question.save(update_fields=["undone_at", "undone_by"])
    access_request.was_asked = access_request.questions.told().exists()
    _back_into_review(access_request, ["state", "was_asked"])
    record(
        EventType.REQUEST_QUESTION_UNDONE,
        actor=actor,
        target=access_request,
        at=now,
        question=question.pk,
    )
    return access_request


@transaction.atomic
def undo_decision(*, actor: User, request_id: int, now: datetime) -> AccessRequest:
    """Take back a decision whose letter hasn't left: nothing of it remains but the record."""
    access_request = locked_request(actor, request_id, RequestAction.UNDO, now)
    if (
        access_request.state == AccessRequest.State.NEEDS_INFO
    ):  # an older decision is not what was done last
        raise RequestHasMovedOn(access_request.reference, access_request.get_state_display())
    decision = access_request.decisions.filter(undone_at=None).latest("decided_at", "pk")
    if now >= decision.undo_until or not _cancel_letter(decision, now):
        raise MailHasLeft
    decision.undone_at, decision.undone_by = now, actor
    decision.save(update_fields=["undone_at", "undone_by"])
    given = lock_lasting(Grant.objects.filter(decision=decision), now)
    void_votes(access_request.reviews.filter(reviewer=decision.decided_by_id), UNDONE, now)
    _back_into_review(access_request, ["state", "closed_at"])
    # Afterwards, since the request that waits again may still open a little to its applicant.
    end_grants(given, Cause.UNDONE, actor=actor, reason=UNDONE, now=now)
    record(
        EventType.REQUEST_DECISION_UNDONE,
        actor=actor,
        target=access_request,
        at=now,
        decision=decision.pk,
    )
    return access_request


@transaction.atomic
def reopen_request(*, actor: User, request_id: int, reason: str, now: datetime) -> AccessRequest:
    """Look at a closed request anew: what was given on it ends, with notice, and votes count
    no more. It is due as a new one is."""
    access_request = locked_request(actor, request_id, RequestAction.REOPEN, now)
    reason = require_text(reason, "reason", missing="Say why; the letter quotes it.")
    require_answers(access_request)
    standing = lock_lasting(Grant.objects.filter(decision__request=access_request), now)
    given = Grant.objects.filter(pk__in=[each.pk for each in standing])
    ends_access = given.active_at(now).exists() or given.offered_at(now).exists()
    if ends_access and settings_of(access_request.repo).two_person_revocation:
        raise Conflict("Ending an access takes two people here. End the access first.")
    for decision in access_request.decisions.filter(undone_at=None):
        _cancel_letter(decision, now)
    void_votes(access_request.reviews.all(), "reopened", now)
    _close_questions(access_request, now)
    access_request.due_at = now + timedelta(days=access_request.repo.decision_days)
    access_request.escalation_level, access_request.escalated_at = 0, None
    _back_into_review(
        access_request, ["state", "closed_at", "due_at", "escalation_level", "escalated_at"]
    )
    end_grants(standing, Cause.UNDONE, actor=actor, reason=reason, now=now)
    letters.send_reopening(access_request, reason=reason, ends_access=ends_access, now=now)
    record(EventType.REQUEST_REOPENED, actor=actor, target=access_request, at=now)
    return access_request


def _cancel_letter(decision: Decision, now: datetime) -> bool:
    """Whether it was still here: who holds it in their hands has sent it."""
    return bool(cancel_mail(keys=letters.letter_keys(decision), now=now))


def _close_questions(access_request: AccessRequest, now: datetime) -> None:
    """What a lapsed request waited for: one question is open at a time, and another may come."""
    access_request.questions.open().update(answer=Question.NO_ANSWER, answered_at=now)


def _back_into_review(access_request: AccessRequest, changed: list[str]) -> None:
    """NewerRequest where the applicant has begun another one meanwhile: one is open at a time."""
    access_request.move_to(AccessRequest.State.IN_REVIEW)
    access_request.closed_at = None
    try:
        with transaction.atomic():
            access_request.save(update_fields=changed)
    except IntegrityError as error:
        raise NewerRequest from error

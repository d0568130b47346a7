"""Undo a decision or a question before its mail leaves, or reopen the request with notice."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from portal.access.errors import BeingDecided, MailHasLeft, NewerRequest, RequestHasMovedOn
from portal.access.grants.ending.end import UNDONE, Cause, end_grants
from portal.access.grants.locks import lock_lasting
from portal.access.letters import decisions as letters
from portal.access.letters.mailer import grant_keys
from portal.access.letters.requests import question_key
from portal.access.models import AccessRequest, Decision, Grant, Question
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.locks import locked_request
from portal.access.policy.request_actions import RULES, RequestAction
from portal.access.requests.reopening import RESTARTED, require_answers, restart
from portal.access.requests.voting import void_votes
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import Conflict
from portal.outbox.services import cancel_mail
from portal.parsing.texts import require_text

State = AccessRequest.State


def undo_last(*, actor: User, request_id: int, now: datetime) -> AccessRequest:
    """Undo the newest question or decision. Raise MailHasLeft if its mail has been sent."""
    waiting = AccessRequest.objects.filter(pk=request_id, state=State.NEEDS_INFO)
    undo = undo_question if waiting.exists() else undo_decision
    return undo(actor=actor, request_id=request_id, now=now)


@transaction.atomic
def undo_question(*, actor: User, request_id: int, now: datetime) -> AccessRequest:
    """Undo the open question; the applicant never learns of it.

    Raise MailHasLeft if its mail has been sent, RequestHasMovedOn if no question is open.
    """
    access_request = locked_request(actor, request_id, RequestAction.UNDO, now)
    _undo_question(access_request, actor, now)
    return access_request


def _undo_question(access_request: AccessRequest, actor: User, now: datetime, **facts: str) -> None:
    question = access_request.questions.open().first()
    if access_request.state != State.NEEDS_INFO or question is None:
        raise RequestHasMovedOn(access_request.reference, access_request.state_for_team)
    has_left = question.undo_until is None or now >= question.undo_until
    if has_left or not cancel_mail(keys=[question_key(question)], now=now):
        raise MailHasLeft("Wait for the answer, or ask again after it.", act="question")
    question.undone_at, question.undone_by = now, actor
    question.save(update_fields=["undone_at", "undone_by"])
    access_request.was_asked = access_request.questions.standing().exists()
    _back(access_request, State.IN_REVIEW, ["was_asked"])
    record(
        EventType.REQUEST_QUESTION_UNDONE,
        actor=actor,
        target=access_request,
        at=now,
        question=question.pk,
        **facts,
    )


@transaction.atomic
def undo_decision(*, actor: User, request_id: int, now: datetime) -> AccessRequest:
    """Undo the newest decision: its mail is cancelled, its grant and its decider's vote end.

    Raise MailHasLeft if its mail has been sent. Only the audit record still shows the decision.
    """
    access_request = locked_request(actor, request_id, RequestAction.UNDO, now)
    # A question came after the decision, on a request that was reopened: undo the question first.
    if access_request.state == State.NEEDS_INFO:
        raise RequestHasMovedOn(access_request.reference, access_request.state_for_team)
    _undo_decision(access_request, actor, now)
    return access_request


def _undo_decision(access_request: AccessRequest, actor: User, now: datetime, **facts: str) -> None:
    decision = access_request.decisions.standing().latest("decided_at", "pk")
    if now >= decision.undo_until or not _cancel_mail(decision, now):
        raise MailHasLeft
    _mark_undone(decision, actor, now)
    grants = lock_lasting(Grant.objects.filter(decision=decision), now)
    void_votes(access_request.reviews.filter(reviewer=decision.decided_by_id), UNDONE, now)
    # The guests whose seats ended with the decision; a seat's end is the decision's own time.
    access_request.guests.filter(ended_at=decision.decided_at).update(ended_at=None)
    _back(access_request, State(access_request.shown_as or State.IN_REVIEW), ["closed_at"])
    # After the state has changed: where a model takes prompts from those who wait, the applicant
    # waits again, and their tokens keep that use.
    end_grants(grants, Cause.UNDONE, actor=actor, reason=UNDONE, now=now, **facts)
    record(
        EventType.REQUEST_DECISION_UNDONE,
        actor=actor,
        target=access_request,
        at=now,
        decision=decision.pk,
        **facts,
    )


@transaction.atomic
def undo_untold(*, applicant: User, request_id: int, action: RequestAction, now: datetime) -> int:
    """Undo the decision or question that an applicant isn't told of, before an act of theirs.

    Return how many votes are voided with it. Raise what ``require_action`` does where the state
    that they see forbids the act; RequestHasMovedOn if the mail has been sent and the
    true one does.
    """
    try:
        access_request = locked_request(applicant, request_id, action, now)
    except BeingDecided:  # it stays locked until the transaction ends
        waiting = AccessRequest.objects.select_related("repo", "applicant")
        access_request = waiting.get(pk=request_id)
    if not access_request.is_settling(now):
        return 0
    is_question = access_request.state == State.NEEDS_INFO
    undo = _undo_question if is_question else _undo_decision
    try:
        undo(access_request, applicant, now, undone_for=action.value)
    except MailHasLeft:
        if access_request.state in RULES[action].states:
            return 0
        label = access_request.get_state_display()
        raise RequestHasMovedOn(access_request.reference, label) from None
    return access_request.reviews.filter(voided_at=now).count()


@transaction.atomic
def reopen_request(*, actor: User, request_id: int, reason: str, now: datetime) -> AccessRequest:
    """Put a closed request back into review: its grants end with notice, its votes are voided.

    A decision that the applicant isn't told of yet is undone without a letter. The request
    is due as a new one is. Raise NewerRequest if the applicant has begun another one, and Conflict
    where ending a grant takes two people.
    """
    access_request = locked_request(actor, request_id, RequestAction.REOPEN, now)
    reason = require_text(reason, "reason", missing="Say why; the letter quotes it.")
    require_answers(access_request)
    locked = lock_lasting(Grant.objects.filter(decision__request=access_request), now)
    grants = Grant.objects.filter(pk__in=[grant.pk for grant in locked])
    ends_access = grants.active_at(now).exists() or grants.offered_at(now).exists()
    if ends_access and settings_of(access_request.repo).two_person_revocation:
        raise Conflict("Ending an access takes two people here. End the access first.")
    # The mail of one that a worker has sent early can't be cancelled: the applicant knows of it.
    is_silent = access_request.is_settling(now)
    for decision in access_request.decisions.standing().filter(undo_until__gt=now):
        if _cancel_mail(decision, now):
            _mark_undone(decision, actor, now)
        else:
            is_silent = False
            decision.undo_until = now
            decision.save(update_fields=["undo_until"])
    void_votes(access_request.reviews.all(), "reopened", now)
    # A request that lapsed still has its open question; only one may be open at a time, and the
    # reviewers may ask another.
    access_request.questions.open().update(answer=Question.NO_ANSWER, answered_at=now)
    restart(access_request, now)
    _back(access_request, State.IN_REVIEW, RESTARTED)
    end_grants(locked, Cause.UNDONE, actor=actor, reason=reason, now=now)
    if not is_silent:
        letters.send_reopening(access_request, reason=reason, ends_access=ends_access, now=now)
    facts = {"is_silent": True} if is_silent else {}
    record(EventType.REQUEST_REOPENED, actor=actor, target=access_request, at=now, **facts)
    return access_request


def _cancel_mail(decision: Decision, now: datetime) -> bool:
    """Cancel the decision's queued mail. Return False if a mail worker has already taken it.

    It then counts as sent. What was to follow it, on the grant that it gave, is cancelled with it.
    """
    if not cancel_mail(keys=letters.letter_keys(decision), now=now):
        return False
    for grant in Grant.objects.filter(decision=decision):
        cancel_mail(key_prefix=grant_keys(grant), now=now)
    return True


def _mark_undone(decision: Decision, actor: User, now: datetime) -> None:
    decision.undone_at, decision.undone_by = now, actor
    decision.save(update_fields=["undone_at", "undone_by"])


def _back(access_request: AccessRequest, state: State, changed: list[str]) -> None:
    """Save the request as undecided. Raise NewerRequest if the applicant has begun another one.

    A constraint of the database allows one open request per applicant and model, so that the race
    with a draft that is begun at this moment is decided there.
    """
    access_request.move_to(state)
    access_request.closed_at = None
    try:
        with transaction.atomic():
            access_request.save(update_fields=[*AccessRequest.STATE_FIELDS, *changed])
    except IntegrityError as error:
        raise NewerRequest from error

"""Find what may still be undone, because its letter waits: a decision, or a question."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.access.models import AccessRequest, Decision, Question
from portal.accounts.models import User

State = AccessRequest.State


@dataclass(frozen=True)
class Undoable:
    """An act on a request, in the word for what came of it, and until when it may be undone."""

    request: AccessRequest
    word: str
    undo_until: datetime
    done_at: datetime


def undoable_by(reviewer: User, now: datetime) -> Undoable | None:
    """Find this reviewer's own last decision or question whose letter waits."""
    found = [*_decisions(reviewer, now), *_questions(reviewer, now)]
    return max(found, key=lambda act: act.done_at, default=None)


def _decisions(reviewer: User, now: datetime) -> list[Undoable]:
    waiting = Decision.objects.filter(
        decided_by=reviewer, undone_at=None, undo_until__gt=now, decided_at__lte=now
    )
    last = waiting.select_related("request__repo").order_by("-decided_at", "-pk")[:1]
    return [
        Undoable(decision.request, decision.verdict, decision.undo_until, decision.decided_at)
        for decision in last
    ]


def _questions(reviewer: User, now: datetime) -> list[Undoable]:
    waiting = Question.objects.open().filter(
        asked_by=reviewer, undo_until__gt=now, asked_at__lte=now, request__state=State.NEEDS_INFO
    )
    last = waiting.select_related("request__repo").order_by("-asked_at", "-pk")[:1]
    return [
        Undoable(question.request, "asked", question.undo_until, question.asked_at)
        for question in last
        if question.undo_until
    ]


def undo_until(access_request: AccessRequest) -> datetime | None:
    """Say until when what was done last may be undone; None where nothing was."""
    if access_request.state == State.NEEDS_INFO:
        question = access_request.questions.open().first()
        return question.undo_until if question else None
    decision = access_request.decisions.filter(undone_at=None).last()
    return decision.undo_until if decision else None

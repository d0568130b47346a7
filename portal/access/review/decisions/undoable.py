"""Find the decision or question that can still be undone because its mail hasn’t left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.access.models import AccessRequest, Decision, Question
from portal.access.review.decisions.added_terms import added_by
from portal.accounts.models import User

State = AccessRequest.State


@dataclass(frozen=True)
class Undoable:
    """A decision or question that can be undone; ``words`` say what it made of the request."""

    access_request: AccessRequest
    words: str
    undo_until: datetime
    done_at: datetime


def undoable_by(reviewer: User, now: datetime) -> Undoable | None:
    """Return the reviewer's own newest decision or question that can still be undone."""
    undoables = [*_decisions(reviewer, now), *_questions(reviewer, now)]
    return max(undoables, key=lambda undoable: undoable.done_at, default=None)


def _decisions(reviewer: User, now: datetime) -> list[Undoable]:
    waiting = Decision.objects.filter(
        decided_by=reviewer, undone_at=None, undo_until__gt=now, decided_at__lte=now
    )
    last = waiting.select_related("request__repo").order_by("-decided_at", "-pk")[:1]
    return [
        Undoable(
            decision.request,
            f"{decision.verdict}{added_by(decision)}",
            decision.undo_until,
            decision.decided_at,
        )
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
    """Return until when the newest decision or question can be undone, or None without one."""
    if access_request.state == State.NEEDS_INFO:
        question = access_request.questions.open().first()
        return question.undo_until if question else None
    decision = access_request.decisions.filter(undone_at=None).last()
    return decision.undo_until if decision else None

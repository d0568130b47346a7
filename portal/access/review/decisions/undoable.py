"""Find the decision or question that can still be undone because its mail hasn’t left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet, Value

from portal.access.models import AccessRequest, Decision, Question
from portal.access.review.decisions.added_terms import added_by
from portal.accounts.models import User
from portal.database.compiled_query import CompiledQuery

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
    rows = _NEWEST.rows(reviewer=reviewer.pk, now=now)  # asked by each page of the queue
    if not rows:
        return None
    kind, key, _ = max(rows, key=lambda row: row[2])
    return _decision(key) if kind == "decision" else _question(key)


def _decisions(reviewer: int, now: datetime) -> QuerySet[Decision]:
    return Decision.objects.filter(
        decided_by=reviewer, undone_at=None, undo_until__gt=now, decided_at__lte=now
    )


def _questions(reviewer: int, now: datetime) -> QuerySet[Question]:
    return Question.objects.open().filter(
        asked_by=reviewer, undo_until__gt=now, asked_at__lte=now, request__state=State.NEEDS_INFO
    )


def _newest(reviewer: int, now: datetime) -> QuerySet[Any, tuple[str, int, datetime]]:
    decisions = _decisions(reviewer, now).order_by("-decided_at", "-pk")
    questions = _questions(reviewer, now).order_by("-asked_at", "-pk")
    decided = decisions.values_list(Value("decision"), "pk", "decided_at")[:1]
    questioned = questions.values_list(Value("question"), "pk", "asked_at")[:1]
    return decided.union(questioned, all=True)


_NEWEST = CompiledQuery(_newest, {"reviewer": -101, "now": datetime.min.replace(tzinfo=UTC)})


def _decision(key: int) -> Undoable:
    decision = Decision.objects.select_related("request__repo").get(pk=key)
    words = f"{decision.verdict}{added_by(decision)}"
    return Undoable(decision.request, words, decision.undo_until, decision.decided_at)


def _question(key: int) -> Undoable | None:
    question = Question.objects.select_related("request__repo").get(pk=key)
    if question.undo_until is None:
        return None
    return Undoable(question.request, "asked", question.undo_until, question.asked_at)


def undo_until(access_request: AccessRequest) -> datetime | None:
    """Return until when the newest decision or question can be undone, or None without one."""
    if access_request.state == State.NEEDS_INFO:
        question = access_request.questions.open().first()
        return question.undo_until if question else None
    decision = access_request.decisions.filter(undone_at=None).last()
    return decision.undo_until if decision else None

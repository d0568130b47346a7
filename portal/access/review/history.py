"""Read what was done on a case, which several parts of its page tell of: each once a page."""

from __future__ import annotations

from portal.access.models import AccessRequest, Assignment, Decision, Note, Question
from portal.database.once import once


@once(lambda access_request: access_request.pk)
def questions_of(access_request: AccessRequest) -> list[Question]:
    """Return all questions, undone ones too, in the order in which they were asked."""
    return list(access_request.questions.select_related("asked_by", "undone_by"))


@once(lambda access_request: access_request.pk)
def decisions_of(access_request: AccessRequest) -> list[Decision]:
    """Return all decisions, undone ones too, in the order in which they were taken."""
    return list(access_request.decisions.select_related("decided_by", "undone_by"))


@once(lambda access_request: access_request.pk)
def notes_of(access_request: AccessRequest) -> list[Note]:
    return list(access_request.notes.select_related("author"))


@once(lambda access_request: access_request.pk)
def assignments_of(access_request: AccessRequest) -> list[Assignment]:
    """Return who has had the case, and who has it."""
    return list(access_request.assignments.select_related("reviewer"))

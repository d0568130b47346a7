"""Questions of reviewers to an applicant."""

from __future__ import annotations

from datetime import datetime

from django.db import models

from portal.access.models.fields import person_field
from portal.access.models.requests import AccessRequest
from portal.access.querysets import QuestionQuerySet


class Question(models.Model):
    """A reviewer's question to the applicant; the clock is paused while it waits for an answer.

    Undoing one marks it and keeps the row, as with a decision.
    """

    NO_ANSWER = "No answer came: the request lapsed, and the team reopened it."

    request = models.ForeignKey(AccessRequest, on_delete=models.PROTECT, related_name="questions")
    text = models.TextField()
    asked_by = person_field()
    asked_at = models.DateTimeField()
    deadline_at = models.DateTimeField()
    answer = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True)
    undo_until = models.DateTimeField(null=True)  # null in rows older than the undo
    undone_by = person_field(null=True)
    undone_at = models.DateTimeField(null=True)

    objects = QuestionQuerySet.as_manager()

    class Meta:
        ordering = ["asked_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["request"],
                condition=models.Q(answered_at=None, undone_at=None),
                name="one_question_at_a_time",
            ),
            models.CheckConstraint(
                name="answered_has_time",
                condition=models.Q(answer="", answered_at=None)
                | (~models.Q(answer="") & models.Q(answered_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="question_undone_by_someone",
                condition=models.Q(undone_at=None, undone_by=None)
                | models.Q(undone_at__isnull=False, undone_by__isnull=False, answered_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"Question on {self.request}"

    @property
    def told_at(self) -> datetime:
        """Return the question's time as its applicant reads it, on every page and in the API."""
        return self.undo_until or self.asked_at

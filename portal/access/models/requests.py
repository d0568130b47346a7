"""Requests for access, their snapshots, and questions to the applicant."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Left

from portal.access.errors import RequestHasMovedOn
from portal.access.models.fields import person_field
from portal.access.models.gates import RequestForm
from portal.access.models.signatures import Acceptance
from portal.access.querysets import AccessRequestQuerySet, QuestionQuerySet
from portal.accounts.models import Organization
from portal.catalog.models import ModelRepo
from portal.text.lines import LineField

SEARCHED_ANSWERS = ("name", "organization", "purpose", "outputs")
QUESTION_ASKED = "Question asked"
UNDECIDED = models.Q(state__in=["held", "in_review", "needs_info"])


def _searched() -> SearchVector:
    """Return the expression of the words by which a reviewer finds a request.

    Answers are cut at a length that PostgreSQL's search vectors can take.
    """
    answers = [Left(KeyTextTransform(name, "draft"), 20_000) for name in SEARCHED_ANSWERS]
    return SearchVector("organization_name", *answers, config="simple")


class AccessRequest(models.Model):
    """One person's request for one repo, from draft to decision."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        HELD = "held", "Extra check"
        IN_REVIEW = "in_review", "In review"
        NEEDS_INFO = "needs_info", "Question for you"
        APPROVED = "approved", "Approved"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"
        LAPSED = "lapsed", "Lapsed"

    TRANSITIONS = {
        State.DRAFT: {State.IN_REVIEW, State.HELD},
        State.HELD: {State.IN_REVIEW, State.DECLINED, State.WITHDRAWN},
        State.IN_REVIEW: {
            State.HELD,
            State.NEEDS_INFO,
            State.APPROVED,
            State.DECLINED,
            State.WITHDRAWN,
        },
        State.NEEDS_INFO: {State.IN_REVIEW, State.HELD, State.LAPSED, State.WITHDRAWN},
        State.LAPSED: {State.IN_REVIEW, State.HELD},
        State.APPROVED: {State.IN_REVIEW},  # undone, or reopened
        State.DECLINED: {State.IN_REVIEW},  # undone, reopened, or appealed
    }
    OPEN_STATES = (State.DRAFT, State.HELD, State.IN_REVIEW, State.NEEDS_INFO)
    UNDECIDED_STATES = (State.HELD, State.IN_REVIEW, State.NEEDS_INFO)

    repo = models.ForeignKey(ModelRepo, on_delete=models.PROTECT, related_name="requests")
    applicant = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="access_requests"
    )
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    draft = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    saved_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    # Copied from the newest snapshot, so that the queue is searched and grouped in SQL alone.
    organization = models.ForeignKey(
        Organization, null=True, on_delete=models.PROTECT, related_name="access_requests"
    )
    organization_name = LineField(max_length=200, blank=True)
    sector = models.CharField(max_length=14, blank=True)
    country = models.CharField(max_length=2, blank=True)
    evidence_is_clear = models.BooleanField(default=False)
    escalation_level = models.PositiveSmallIntegerField(default=0)
    escalated_at = models.DateTimeField(null=True)
    was_asked = models.BooleanField(default=False)  # a question was put to the applicant
    searched = models.GeneratedField(
        expression=_searched(), output_field=SearchVectorField(), db_persist=True
    )

    objects = AccessRequestQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["state", "submitted_at"]),
            models.Index(
                fields=["repo", "submitted_at"],
                condition=models.Q(state__in=["held", "in_review", "needs_info"]),
                name="undecided_by_age",
            ),
            models.Index(
                fields=["due_at"],
                condition=models.Q(state__in=["held", "in_review"]),
                name="undecided_by_due_date",
            ),
            models.Index(fields=["repo", "-closed_at"], name="closed_by_date"),
            # The queue's views and filters, each in the order in which it is read.
            *(
                models.Index(
                    fields=["repo", column, "submitted_at", "id"],
                    condition=UNDECIDED,
                    name=f"queue_by_{column}",
                )
                for column in ("state", "sector", "country", "evidence_is_clear")
            ),
            models.Index(
                fields=["repo", "state", "was_asked", "submitted_at", "id"],
                condition=UNDECIDED,
                name="queue_by_was_asked",
            ),
            models.Index(
                fields=["repo", "organization_name", "submitted_at", "id"],
                condition=UNDECIDED,
                name="queue_by_organization",
            ),
            models.Index(
                fields=["repo", "due_at", "id"], condition=UNDECIDED, name="queue_by_due_date"
            ),
            models.Index(
                fields=["repo", "submitted_at", "id"],
                condition=UNDECIDED & models.Q(escalation_level__gt=0),
                name="queue_of_escalated",
            ),
            models.Index(
                fields=["submitted_at", "id"],
                condition=models.Q(escalation_level__gt=0),
                name="escalated_by_age",
            ),
            GinIndex(fields=["searched"], name="searched_words"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["repo", "applicant"],
                condition=models.Q(state__in=["draft", "held", "in_review", "needs_info"]),
                name="one_open_request",
            ),
            models.CheckConstraint(
                name="submitted_has_time_and_due_date",
                condition=models.Q(state="draft")
                | models.Q(submitted_at__isnull=False, due_at__isnull=False),
            ),
            models.CheckConstraint(
                name="closed_has_time",
                condition=models.Q(closed_at__isnull=False)
                | models.Q(state__in=["draft", "held", "in_review", "needs_info"]),
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        return f"{self.pk:04d}"

    @property
    def state_for_team(self) -> str:
        """Return the state in the reviewers' words; the display's are the applicant's."""
        return QUESTION_ASKED if self.state == self.State.NEEDS_INFO else self.get_state_display()

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN_STATES

    def move_to(self, state: State) -> None:
        """Change the state without saving. Raise RequestHasMovedOn where TRANSITIONS forbids it."""
        if state not in self.TRANSITIONS.get(self.State(self.state), set()):
            raise RequestHasMovedOn(self.reference, self.get_state_display())
        self.state = state


class Submission(models.Model):
    """A frozen snapshot of the answers, with the signature that came with them.

    ``is_material``: it differs from the one before in an answer that votes rest on.
    """

    class Occasion(models.TextChoices):
        SUBMITTED = "submitted", "Submitted"
        ANSWERED = "answered", "Answered a question"
        CORRECTED = "corrected", "Corrected"
        APPEALED = "appealed", "Appealed"
        RESUMED = "resumed", "Taken up again"

    request = models.ForeignKey(AccessRequest, on_delete=models.PROTECT, related_name="submissions")
    form = models.ForeignKey(
        RequestForm, null=True, on_delete=models.PROTECT, related_name="submissions"
    )
    number = models.PositiveSmallIntegerField()
    answers = models.JSONField()
    acceptance = models.ForeignKey(Acceptance, on_delete=models.PROTECT, related_name="submissions")
    occasion = models.CharField(max_length=9, choices=Occasion, default=Occasion.SUBMITTED)
    is_material = models.BooleanField(default=True)
    submitted_at = models.DateTimeField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["request", "number"], name="snapshots_numbered")
        ]

    def __str__(self) -> str:
        return f"{self.request}, snapshot {self.number}"


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


class RequestLink(models.Model):
    """A link to another request that looks like the same person's; each points to the other."""

    request = models.ForeignKey(AccessRequest, on_delete=models.CASCADE, related_name="links")
    other = models.ForeignKey(AccessRequest, on_delete=models.CASCADE, related_name="+")
    why = models.CharField(max_length=100)
    found_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["request", "other"], name="linked_once"),
            models.CheckConstraint(
                name="linked_to_another", condition=~models.Q(request=models.F("other"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request} looks like {self.other}"

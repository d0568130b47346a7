"""Requests for access, and their snapshots."""

from __future__ import annotations

from copy import copy
from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Left
from django.utils.translation import gettext_lazy as _

from portal.access.errors import RequestHasMovedOn
from portal.access.models.gates import RequestForm
from portal.access.models.signatures import Acceptance
from portal.access.querysets import AccessRequestQuerySet
from portal.accounts.models import Organization
from portal.catalog.models import Collection, ModelRepo
from portal.database.once import once
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
    """One person's request, from draft to decision: for one repo, or through a collection.

    Through a collection, ``repo`` is its lead, and ``chosen`` are the models asked for.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        HELD = "held", _("Extra check")
        IN_REVIEW = "in_review", _("In review")
        NEEDS_INFO = "needs_info", _("Question for you")
        APPROVED = "approved", _("Approved")
        DECLINED = "declined", _("Declined")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        LAPSED = "lapsed", _("Lapsed")

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
        State.DECLINED: {State.IN_REVIEW, State.HELD},  # undone, reopened, or appealed
    }
    STATE_FIELDS = ("state", "shown_as", "shown_until")
    OPEN_STATES = (State.DRAFT, State.HELD, State.IN_REVIEW, State.NEEDS_INFO)
    UNDECIDED_STATES = (State.HELD, State.IN_REVIEW, State.NEEDS_INFO)

    repo = models.ForeignKey(ModelRepo, on_delete=models.PROTECT, related_name="requests")
    collection = models.ForeignKey(
        Collection, null=True, on_delete=models.PROTECT, related_name="requests"
    )
    # Copied from the newest snapshot's answer, which has the names that the models bore then.
    chosen = models.ManyToManyField(ModelRepo, related_name="+")
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
    # What the applicant sees until then, while the team may undo what it did; see ``state_shown``.
    shown_as = models.CharField(max_length=10, choices=State, blank=True)
    shown_until = models.DateTimeField(null=True)
    # Copied from the newest snapshot, so that the queue is searched and grouped in SQL alone.
    organization = models.ForeignKey(
        Organization, null=True, on_delete=models.PROTECT, related_name="access_requests"
    )
    organization_name = LineField(max_length=200, blank=True)
    sector = models.CharField(max_length=14, blank=True)
    country = models.CharField(max_length=2, blank=True)
    # The assessment of the evidence as of evidence_at, by which the queue is filtered and grouped.
    evidence_is_clear = models.BooleanField(default=False)
    evidence_flags = ArrayField(models.CharField(max_length=24), default=list)
    evidence_at = models.DateTimeField(null=True)
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
            GinIndex(fields=["evidence_flags"], condition=UNDECIDED, name="queue_by_flags"),
            models.Index(fields=["evidence_at"], condition=UNDECIDED, name="evidence_by_age"),
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
    def about(self) -> str:
        """Return what is asked for, as pages and letters name it: a repo, or a collection."""
        return self.collection.title if self.collection else self.repo.full_name

    @property
    def about_url(self) -> str:
        """Return the page of what ``about`` names; of a deleted collection, its lead's."""
        if self.collection and self.collection.is_standing:
            return self.collection.path
        return f"/{self.repo.full_name}"

    @property
    def state_for_team(self) -> str:
        """Return the state in the reviewers' words; the display's are the applicant's."""
        return QUESTION_ASKED if self.state == self.State.NEEDS_INFO else self.get_state_display()

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN_STATES

    def is_settling(self, now: datetime) -> bool:
        """Tell whether the team may still undo its last act, of which the applicant isn't told."""
        return self.shown_until is not None and now < self.shown_until

    def is_overdue(self, now: datetime) -> bool:
        """Tell whether its answer was due before now."""
        return self.due_at is not None and self.due_at < now

    def state_shown(self, now: datetime) -> State:
        """Return the state that the applicant knows of: the one before, while the team may undo."""
        return self.State(self.shown_as if self.is_settling(now) else self.state)

    def as_shown(self, now: datetime) -> AccessRequest:
        """Return the row as its applicant may read it; for pages alone, and never to be saved.

        A decision closes it, to its applicant, when they are told of it.
        """
        if self.shown_until is None:
            return self
        shown = copy(self)
        shown.state = self.state_shown(now)
        is_told = self.closed_at is not None and not self.is_settling(now)
        shown.closed_at = self.shown_until if is_told else None
        return shown

    def move_to(self, state: State, *, shown_from: datetime | None = None) -> None:
        """Change STATE_FIELDS without saving; the applicant sees the new one from ``shown_from``.

        Raise RequestHasMovedOn where TRANSITIONS forbids it.
        """
        if state not in self.TRANSITIONS.get(self.State(self.state), set()):
            raise RequestHasMovedOn(self.reference, self.get_state_display())
        self.shown_as, self.shown_until = (self.state, shown_from) if shown_from else ("", None)
        self.state = state


class Submission(models.Model):
    """A frozen snapshot of the answers, with the signatures that came with them.

    ``further_acceptances``: those under other texts, where models of a collection stand under
    several. ``is_material``: it differs from the one before in an answer that votes rest on.
    """

    class Occasion(models.TextChoices):
        SUBMITTED = "submitted", _("Submitted")
        ANSWERED = "answered", _("Answered a question")
        CORRECTED = "corrected", _("Corrected")
        APPEALED = "appealed", _("Appealed")
        RESUMED = "resumed", _("Taken up again")

    request = models.ForeignKey(AccessRequest, on_delete=models.PROTECT, related_name="submissions")
    form = models.ForeignKey(
        RequestForm, null=True, on_delete=models.PROTECT, related_name="submissions"
    )
    number = models.PositiveSmallIntegerField()
    answers = models.JSONField()
    acceptance = models.ForeignKey(Acceptance, on_delete=models.PROTECT, related_name="submissions")
    further_acceptances = models.ManyToManyField(Acceptance, related_name="further_submissions")
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

    @property
    def acceptances(self) -> list[Acceptance]:
        """Return the signature under each text that came with the answers."""
        return _acceptances(self)

    @property
    def texts_signed(self) -> str:
        return " and ".join(str(acceptance.licence_version) for acceptance in self.acceptances)


@once(lambda access_request: access_request.pk)
def snapshots_of(access_request: AccessRequest) -> list[Submission]:
    """Return all snapshots of a request with what was signed, the newest last."""
    related = ("acceptance__licence_version__licence", "form", "screening__disposed_by")
    return list(access_request.submissions.select_related(*related).order_by("number"))


@once(lambda submission: submission.pk)
def _acceptances(submission: Submission) -> list[Acceptance]:
    further = submission.further_acceptances.select_related("licence_version__licence")
    return [submission.acceptance, *further.order_by("pk")]


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

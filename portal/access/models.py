"""From a request to a grant: what was asked, signed, decided and given."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from portal.access.errors import RequestHasMovedOn
from portal.access.querysets import AccessRequestQuerySet, GrantQuerySet
from portal.catalog.models import LicenceVersion, Mode, ModelRepo


def modes_field() -> ArrayField[list[str], list[str]]:
    return ArrayField(models.CharField(max_length=9, choices=Mode))


class Acceptance(models.Model):
    """A signature: who, which exact text, in what capacity, when and from where."""

    class Capacity(models.TextChoices):
        PERSON = "person", "For myself"
        ENTITY = "entity", "For an organization, with authority to bind it"

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="acceptances"
    )
    licence_version = models.ForeignKey(
        LicenceVersion, on_delete=models.PROTECT, related_name="acceptances"
    )
    text_sha256 = models.CharField(max_length=64)
    typed_name = models.CharField(max_length=200)
    capacity = models.CharField(max_length=6, choices=Capacity)
    entity = models.CharField(max_length=200, blank=True)
    attestations = ArrayField(models.CharField(max_length=40))
    accepted_at = models.DateTimeField()
    ip = models.GenericIPAddressField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="an_entity_is_named",
                condition=models.Q(capacity="person") | ~models.Q(entity=""),
            )
        ]

    def __str__(self) -> str:
        return f"{self.licence_version}, signed by {self.typed_name}"


class AccessRequest(models.Model):
    """One person's request for one repo, from draft to decision."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        IN_REVIEW = "in_review", "In review"
        NEEDS_INFO = "needs_info", "Question for you"
        APPROVED = "approved", "Approved"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"

    TRANSITIONS = {
        State.DRAFT: {State.IN_REVIEW},
        State.IN_REVIEW: {State.NEEDS_INFO, State.APPROVED, State.DECLINED, State.WITHDRAWN},
        State.NEEDS_INFO: {State.IN_REVIEW, State.WITHDRAWN},
    }
    OPEN_STATES = (State.DRAFT, State.IN_REVIEW, State.NEEDS_INFO)

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

    objects = AccessRequestQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["state", "submitted_at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["repo", "applicant"],
                condition=models.Q(state__in=["draft", "in_review", "needs_info"]),
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
                | models.Q(state__in=["draft", "in_review", "needs_info"]),
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        return f"{self.pk:04d}"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN_STATES

    def move_to(self, state: State) -> None:
        """Change state as TRANSITIONS allows; RequestHasMovedOn otherwise. Does not save."""
        if state not in self.TRANSITIONS.get(self.State(self.state), set()):
            raise RequestHasMovedOn(self.reference, self.get_state_display())
        self.state = state


class Submission(models.Model):
    """A frozen snapshot of the answers, with the signature given beside them."""

    request = models.ForeignKey(AccessRequest, on_delete=models.PROTECT, related_name="submissions")
    number = models.PositiveSmallIntegerField()
    answers = models.JSONField()
    acceptance = models.ForeignKey(Acceptance, on_delete=models.PROTECT, related_name="submissions")
    submitted_at = models.DateTimeField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["request", "number"], name="snapshots_numbered")
        ]

    def __str__(self) -> str:
        return f"{self.request}, snapshot {self.number}"


class Question(models.Model):
    """A reviewer's question to the applicant; while it waits, the clock stands."""

    request = models.ForeignKey(AccessRequest, on_delete=models.PROTECT, related_name="questions")
    text = models.TextField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField()
    answer = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["asked_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["request"],
                condition=models.Q(answered_at=None),
                name="one_question_at_a_time",
            ),
            models.CheckConstraint(
                name="answered_has_time",
                condition=models.Q(answer="", answered_at=None)
                | (~models.Q(answer="") & models.Q(answered_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"Question on {self.request}"


class Decision(models.Model):
    """Who decided what, and why. Append-only."""

    class Verdict(models.TextChoices):
        APPROVED = "approved"
        DECLINED = "declined"

    class Reason(models.TextChoices):
        PURPOSE_UNCLEAR = "purpose_unclear", "The purpose isn’t clear enough to judge"
        COMMERCIAL = "commercial", "The use looks commercial"
        AFFILIATION = "affiliation", "The affiliation couldn’t be established"
        SAFEGUARDS = "safeguards", "Safeguards for the weights don’t suffice"
        SMALLER_MODEL = "smaller_model", "A smaller, open model would serve"
        JURISDICTION = "jurisdiction", "A rule on jurisdiction applies"
        UNSPECIFIED = "unspecified", "None of these; the letter says why"

    request = models.ForeignKey(AccessRequest, on_delete=models.PROTECT, related_name="decisions")
    verdict = models.CharField(max_length=8, choices=Verdict)
    reason_code = models.CharField(max_length=16, choices=Reason, blank=True)
    reason_text = models.TextField(blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["decided_at", "pk"]
        constraints = [
            models.CheckConstraint(
                name="declined_says_why",
                condition=models.Q(verdict="approved")
                | (~models.Q(reason_code="") & ~models.Q(reason_text="")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.request} {self.verdict}"


class Grant(models.Model):
    """A right to one repo, in these modes, for one interval. Renewal makes a new one."""

    repo = models.ForeignKey(ModelRepo, on_delete=models.PROTECT, related_name="grants")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="grants"
    )
    acceptance = models.ForeignKey(Acceptance, on_delete=models.PROTECT, related_name="grants")
    decision = models.OneToOneField(
        Decision, null=True, on_delete=models.PROTECT, related_name="grant"
    )
    modes = modes_field()
    starts_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    revocation_reason = models.TextField(blank=True)

    objects = GrantQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_at", "-pk"]
        indexes = [models.Index(fields=["person", "repo"])]
        constraints = [
            models.CheckConstraint(
                name="grant_interval", condition=models.Q(expires_at__gt=models.F("starts_at"))
            ),
            models.CheckConstraint(
                name="revoked_by_someone",
                condition=models.Q(revoked_at=None, revoked_by=None)
                | models.Q(revoked_at__isnull=False, revoked_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.repo} to {self.person}"

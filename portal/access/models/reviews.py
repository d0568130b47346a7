"""A team's work on a request: assignments, votes, decisions, notes, appeals, escalations."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.access.models.fields import modes_field, person_field
from portal.access.models.requests import AccessRequest, Submission
from portal.access.querysets import DecisionQuerySet


class Decision(models.Model):
    """A decision on a snapshot, with its reason. Undoing one marks it and keeps the row.

    The applicant learns of it at ``undo_until``; what it gives begins then.
    """

    class Verdict(models.TextChoices):
        APPROVED = "approved"
        DECLINED = "declined"

    class Reason(models.TextChoices):
        PURPOSE_UNCLEAR = "purpose_unclear", _("The purpose isn’t clear enough to judge")
        COMMERCIAL = "commercial", _("The use looks commercial")
        AFFILIATION = "affiliation", _("The affiliation couldn’t be established")
        SAFEGUARDS = "safeguards", _("Safeguards for the weights don’t suffice")
        SMALLER_MODEL = "smaller_model", _("A smaller, open model would serve")
        JURISDICTION = "jurisdiction", _("A rule on jurisdiction applies")
        UNSPECIFIED = "unspecified", _("None of these; the letter says why")

    request = models.ForeignKey(AccessRequest, on_delete=models.PROTECT, related_name="decisions")
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="decisions")
    verdict = models.CharField(max_length=8, choices=Verdict)
    reason_code = models.CharField(max_length=16, choices=Reason, blank=True)
    reason_text = models.TextField(blank=True)
    conditions = models.JSONField(default=dict)
    is_override = models.BooleanField(default=False)
    chair_reason = models.TextField(blank=True)  # why the chair decided where the votes differed
    decided_by = person_field()
    decided_at = models.DateTimeField()
    undo_until = models.DateTimeField()
    undone_by = person_field(null=True)
    undone_at = models.DateTimeField(null=True)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ["decided_at", "pk"]
        constraints = [
            models.CheckConstraint(
                name="declined_says_why",
                condition=models.Q(verdict="approved")
                | (~models.Q(reason_code="") & ~models.Q(reason_text="")),
            ),
            models.CheckConstraint(
                name="undone_by_someone",
                condition=models.Q(undone_at=None, undone_by=None)
                | models.Q(undone_at__isnull=False, undone_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request} {self.verdict}"

    @property
    def told_at(self) -> datetime:
        """Return the decision's time as its applicant reads it, on every page and in the API."""
        return self.undo_until

    @property
    def is_by_chair(self) -> bool:
        return bool(self.chair_reason)

    @property
    def listed_reason(self) -> str:
        """Return the reason of the list in words; "" where only the text says why."""
        if self.reason_code in ("", self.Reason.UNSPECIFIED):
            return ""
        return str(self.Reason(self.reason_code).label)


class Review(models.Model):
    """One reviewer's vote on one snapshot. A material change of the answers voids it.

    ``narrowed``: of a request through a collection, the terms of each model by its key.
    """

    request = models.ForeignKey(AccessRequest, on_delete=models.PROTECT, related_name="reviews")
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="reviews")
    reviewer = person_field(related_name="reviews")
    verdict = models.CharField(max_length=8, choices=Decision.Verdict)
    modes = modes_field()
    expires_at = models.DateTimeField(null=True)
    conditions = models.JSONField(default=dict)
    quotas = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    narrowed = models.JSONField(default=dict)
    reason_code = models.CharField(max_length=16, choices=Decision.Reason, blank=True)
    reason_text = models.TextField(blank=True)
    cast_at = models.DateTimeField()
    voided_at = models.DateTimeField(null=True)
    void_reason = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["cast_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "reviewer"],
                condition=models.Q(voided_at=None),
                name="one_vote_each",
            )
        ]

    def __str__(self) -> str:
        return f"{self.reviewer} on {self.request}: {self.verdict}"


class Assignment(models.Model):
    """The reviewer who has taken a case, so that two don't work on it at once."""

    request = models.ForeignKey(AccessRequest, on_delete=models.CASCADE, related_name="assignments")
    reviewer = person_field(related_name="assignments")
    assigned_by = person_field()
    assigned_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["assigned_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["request"], condition=models.Q(ended_at=None), name="one_assignee"
            )
        ]

    def __str__(self) -> str:
        return f"{self.request} is with {self.reviewer}"


class ConflictDeclaration(models.Model):
    """A reviewer's declaration of whether they have a conflict of interest in a request."""

    request = models.ForeignKey(
        AccessRequest, on_delete=models.CASCADE, related_name="conflict_declarations"
    )
    reviewer = person_field()
    has_conflict = models.BooleanField()
    statement = models.TextField(blank=True)
    declared_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "reviewer"], name="one_declaration_each")
        ]

    def __str__(self) -> str:
        return f"{self.reviewer} on {self.request}"


class Note(models.Model):
    """A note of the team, which the applicant never reads."""

    request = models.ForeignKey(AccessRequest, on_delete=models.CASCADE, related_name="notes")
    author = person_field()
    text = models.TextField()
    written_at = models.DateTimeField()

    class Meta:
        ordering = ["written_at", "pk"]

    def __str__(self) -> str:
        return f"Note on {self.request}"


class Appeal(models.Model):
    """A declined applicant's appeal, once, for a decision by other people."""

    request = models.OneToOneField(AccessRequest, on_delete=models.PROTECT, related_name="appeal")
    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="appeal")
    text = models.TextField()
    filed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Appeal against {self.decision}"


class Escalation(models.Model):
    """An escalation of a case to an administrator or owner, with its reason."""

    class Reason(models.TextChoices):
        OVERDUE = "overdue", "Past its due date"
        STRANDED = "stranded", "Nobody on the team may decide it"
        BOUNCED = "bounced", "Letters don’t reach the applicant"

    request = models.ForeignKey(AccessRequest, on_delete=models.CASCADE, related_name="escalations")
    level = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=8, choices=Reason)
    escalated_at = models.DateTimeField()

    class Meta:
        ordering = ["escalated_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "level", "reason", "escalated_at"], name="escalated_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.request}: {self.get_reason_display()}"

"""Settings of a gate, its own questions, and the screening lists."""

from __future__ import annotations

from django.db import models

from portal.access.models.fields import person_field
from portal.catalog.models import ModelRepo


class GateSettings(models.Model):
    """The settings of a repo's gate. A repo without a row has the defaults: see ``settings_of``."""

    repo = models.OneToOneField(ModelRepo, on_delete=models.CASCADE, related_name="gate_settings")
    quorum = models.PositiveSmallIntegerField(default=1)
    hidden_votes = models.BooleanField(default=True)
    chair = person_field(null=True)  # decides alone where the votes differ; off where null
    names_reviewers = models.BooleanField(default=False)
    names_in_subjects = models.BooleanField(default=True)
    undo_minutes = models.PositiveSmallIntegerField(default=10)
    question_days = models.PositiveSmallIntegerField(default=30)
    offer_days = models.PositiveSmallIntegerField(default=30)
    appeal_days = models.PositiveSmallIntegerField(default=60)
    lift_quorum = models.PositiveSmallIntegerField(default=2)
    two_person_revocation = models.BooleanField(default=False)
    renewal_needs_review = models.BooleanField(default=False)
    member_cap = models.PositiveSmallIntegerField(default=5)
    waiting_tokens_per_day = models.PositiveIntegerField(default=0)
    # Quotas of hosted use: what a grant has that names none, and the most that reviewers may give.
    # 0 leaves a number to the installation, and a bound at the default.
    tokens_per_day = models.PositiveIntegerField(default=0, db_default=0)
    concurrent_jobs = models.PositiveIntegerField(default=0, db_default=0)
    context_tokens = models.PositiveIntegerField(default=0, db_default=0)
    most_tokens_per_day = models.PositiveIntegerField(default=0, db_default=0)
    most_concurrent_jobs = models.PositiveIntegerField(default=0, db_default=0)
    most_context_tokens = models.PositiveIntegerField(default=0, db_default=0)
    egress_bytes_per_day = models.PositiveBigIntegerField(default=0, db_default=0)
    egress_bytes_total = models.PositiveBigIntegerField(default=0, db_default=0)
    most_egress_bytes_per_day = models.PositiveBigIntegerField(default=0, db_default=0)
    most_egress_bytes_total = models.PositiveBigIntegerField(default=0, db_default=0)
    updated_by = person_field(null=True)
    updated_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="quorums_are_of_people",
                condition=models.Q(quorum__gte=1, lift_quorum__gte=1),
            )
        ]

    def __str__(self) -> str:
        return f"Gate of {self.repo}"


class RequestForm(models.Model):
    """A version of a lab's own questions, which are asked beside the base ones."""

    repo = models.ForeignKey(ModelRepo, on_delete=models.PROTECT, related_name="request_forms")
    version = models.PositiveIntegerField()
    fields = models.JSONField(default=list)
    created_by = person_field()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["version"]
        constraints = [
            models.UniqueConstraint(fields=["repo", "version"], name="forms_are_versioned")
        ]

    def __str__(self) -> str:
        return f"Form {self.version} of {self.repo}"


class ScreeningEntry(models.Model):
    """A line of the screening lists for sanctions. A hit decides nothing: a person looks at it."""

    class Kind(models.TextChoices):
        COUNTRY = "country", "Country"
        DOMAIN = "domain", "E-mail domain"
        PERSON = "person", "Person’s name"
        ORGANIZATION = "organization", "Organization’s name"

    kind = models.CharField(max_length=12, choices=Kind)
    value = models.CharField(max_length=200)
    note = models.TextField(blank=True)
    added_by = person_field()
    added_at = models.DateTimeField()
    removed_by = person_field(null=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["kind", "value"]
        verbose_name_plural = "screening entries"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "value"],
                condition=models.Q(removed_at=None),
                name="screened_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.value}"

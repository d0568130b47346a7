"""The check that a revision passes before anybody but its publishers sees it."""

from __future__ import annotations

from datetime import timedelta

from django.db import models

from portal.catalog.models.fields import SHA256
from portal.catalog.models.repos import ModelRepo
from portal.catalog.models.revisions import NamedRevision, Revision
from portal.catalog.querysets import RevisionCheckQuerySet

LEASE = timedelta(seconds=60)


class RevisionCheck(models.Model):
    """The state of a received revision's check; one that was published by a folder has none.

    While it is ``checking``, whoever holds the lease does the work under the number of their
    attempt, and notes how far they have come. While it waits for ``consent``, all else is right.
    ``facts`` go into the event of the release; ``agreed_terms`` name what its publisher agreed to.
    """

    class State(models.TextChoices):
        CHECKING = "checking", "Being checked"
        INCOMPLETE = "incomplete", "Incomplete"
        FAILED = "failed", "Failed its check"
        CONSENT = "consent", "Waits for consent"
        PASSED = "passed", "Passed"

    revision = models.OneToOneField(
        Revision, on_delete=models.CASCADE, primary_key=True, related_name="check_state"
    )
    state = models.CharField(max_length=10, choices=State, default=State.CHECKING)
    missing = models.JSONField(default=list)
    problems = models.JSONField(default=list)
    warnings = models.JSONField(default=list)
    facts = models.JSONField(default=dict)
    agreed_terms = models.CharField(max_length=64, blank=True)
    read_bytes = models.BigIntegerField(default=0)
    total_bytes = models.BigIntegerField(default=0)
    path = models.CharField(max_length=500, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects = RevisionCheckQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["received_at"],
                condition=models.Q(state="checking"),
                name="checks_to_be_done",
            ),
            models.Index(
                fields=["state"],
                condition=~models.Q(state="passed"),
                name="checks_not_passed",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="an_ended_check_has_its_time",
                condition=models.Q(state="checking", ended_at=None)
                | (~models.Q(state="checking") & models.Q(ended_at__isnull=False)),
            )
        ]

    def __str__(self) -> str:
        return f"check of {self.revision}: {self.state}"


class PendingRef(NamedRevision):
    """A branch or tag as its publishers see it, while the revision it names is in quarantine."""

    repo = models.ForeignKey(ModelRepo, on_delete=models.CASCADE, related_name="pending_refs")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="pending_refs")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["repo", "kind", "name"], name="one_pending_ref")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} of {self.repo}, in quarantine"


class LoadTrial(models.Model):
    """A result of loading certain files with the engine; the same files are tried once."""

    digest = models.CharField(max_length=64, primary_key=True, validators=[SHA256])
    facts = models.JSONField(default=dict)
    tried_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.digest

"""Legal holds, the bytes that they cover, and the agreements to lift them."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from portal.access.models.fields import person_field
from portal.access.querysets import HoldQuerySet
from portal.accounts.models import Organization
from portal.catalog.models import Blob, ModelRepo, Revision


class Hold(models.Model):
    """A legal hold: a reversible stop of access for a person, an organization or a revision.

    ``repo`` is null for a hold on people that binds everywhere. A hold on a revision binds every
    revision in the same namespace that has one of its blobs; with ``everywhere``, in all of them.
    """

    class Scope(models.TextChoices):
        PERSON = "person", "A person"
        ORGANIZATION = "organization", "An organization"
        REVISION = "revision", "A revision"

    scope = models.CharField(max_length=12, choices=Scope)
    repo = models.ForeignKey(ModelRepo, null=True, on_delete=models.PROTECT, related_name="holds")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="holds"
    )
    organization = models.ForeignKey(
        Organization, null=True, on_delete=models.PROTECT, related_name="holds"
    )
    revision = models.ForeignKey(
        Revision, null=True, on_delete=models.PROTECT, related_name="holds"
    )
    everywhere = models.BooleanField(default=False)
    reason = models.TextField()
    placed_by = person_field()
    placed_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)

    objects = HoldQuerySet.as_manager()
    proposed_blobs: tuple[str, ...] = ()
    """The SHA-256 of each blob that an unsaved hold would cover."""

    class Meta:
        ordering = ["-placed_at", "-pk"]
        indexes = [
            models.Index(
                fields=["repo"], condition=models.Q(lifted_at=None), name="holds_that_bind"
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="held_as_its_scope_says",
                condition=models.Q(
                    scope="person",
                    person__isnull=False,
                    organization=None,
                    revision=None,
                )
                | models.Q(
                    scope="organization",
                    person=None,
                    organization__isnull=False,
                    revision=None,
                )
                | models.Q(
                    scope="revision",
                    person=None,
                    organization=None,
                    revision__isnull=False,
                    repo__isnull=False,
                ),
            )
        ]

    @property
    def blob_ids(self) -> tuple[str, ...]:
        """Return the SHA-256 of each blob that the hold covers, wherever it is served."""
        if self.pk is None:
            return self.proposed_blobs
        return tuple(self.blobs.order_by("blob").values_list("blob_id", flat=True))

    def __str__(self) -> str:
        return f"Hold on {self.person or self.organization or self.revision}"


class HeldBlob(models.Model):
    """A blob that a hold on a revision covers, whichever revision serves it."""

    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, related_name="blobs")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="holds")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hold", "blob"], name="held_once")]

    def __str__(self) -> str:
        return f"{self.hold}: {self.blob_id}"


class HoldLift(models.Model):
    """One person's agreement to lift a hold, which ends once the quorum agrees."""

    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, related_name="lifts")
    person = person_field()
    reason = models.TextField()
    given_at = models.DateTimeField()

    class Meta:
        ordering = ["given_at", "pk"]
        constraints = [models.UniqueConstraint(fields=["hold", "person"], name="one_lift_each")]

    def __str__(self) -> str:
        return f"{self.person} would lift {self.hold}"

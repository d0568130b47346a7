"""Stored blobs, one for each sha256, and the faults found in the store."""

from __future__ import annotations

from django.db import models

from portal.catalog.formats.pickle_imports import PickleImports, Safety
from portal.catalog.models.fields import COMMIT, SHA256


class Blob(models.Model):
    """Bytes by their sha256, stored once however many files name them.

    A shard is read in full once ever, in the portal's own check: at ``examined_at``, and
    ``examination`` says which tensors hold NaN or infinity.
    """

    sha256 = models.CharField(max_length=64, primary_key=True, validators=[SHA256])
    git_sha1 = models.CharField(max_length=40, validators=[COMMIT])
    size_bytes = models.BigIntegerField()
    checked_at = models.DateTimeField(null=True)
    examined_at = models.DateTimeField(null=True)
    examination = models.JSONField(default=list)

    class Meta:
        indexes = [
            models.Index(
                models.F("checked_at").asc(nulls_first=True), "sha256", name="blobs_by_check"
            )
        ]

    def __str__(self) -> str:
        return self.sha256


class PickleScan(models.Model):
    """The imports of a pickle that a repo took, by the sha256 of its bytes.

    ``names`` are all of them, ``unusual`` those that tensors don't need.
    """

    sha256 = models.CharField(max_length=64, primary_key=True, validators=[SHA256])
    safety = models.CharField(max_length=9, choices=Safety)
    names = models.JSONField(default=list)
    unusual = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.sha256} {self.get_safety_display()}"

    @classmethod
    def of(cls, sha256: str, imports: PickleImports) -> PickleScan:
        """Describe what a scan found; the row isn't saved."""
        return cls(
            sha256=sha256,
            safety=imports.safety,
            names=list(imports.names),
            unusual=imports.unusual,
        )


class StorageFinding(models.Model):
    """A disagreement between store and rows; open until ``mended_at``."""

    class Kind(models.TextChoices):
        CORRUPT = "corrupt", "Bytes have changed"
        MISSING = "missing", "Bytes are gone"
        ORPHAN = "orphan", "No row names the bytes"

    kind = models.CharField(max_length=7, choices=Kind)
    sha256 = models.CharField(max_length=64, validators=[SHA256])
    detail = models.CharField(max_length=300, blank=True)
    found_at = models.DateTimeField()
    mended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-found_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "sha256"],
                condition=models.Q(mended_at=None),
                name="one_open_finding_each",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.sha256}"

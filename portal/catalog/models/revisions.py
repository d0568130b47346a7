"""Revisions, the names for them, their files and their signatures."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from portal.catalog.models.blobs import Blob
from portal.catalog.models.fields import COMMIT, SHA256
from portal.catalog.models.repos import ModelRepo
from portal.catalog.querysets import (
    FilesInHistory,
    FilesOfShownRevisions,
    RevisionQuerySet,
    RevisionsInHistory,
    ShownRevisions,
)


class Revision(models.Model):
    """An immutable state of a repo, named by a 40-hex commit.

    It is in quarantine until ``passed_at``: only its publishers see it. A hidden one is out of the
    history that is told, and stays for the records that name it. So ``objects`` leaves out both,
    ``in_history`` the hidden ones; ``everything`` is for records, which follow keys that they hold.
    """

    repo = models.ForeignKey(ModelRepo, on_delete=models.PROTECT, related_name="revisions")
    commit = models.CharField(max_length=40, unique=True, validators=[COMMIT])
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    title = models.CharField(max_length=200)
    message = models.TextField(blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="revisions"
    )
    created_at = models.DateTimeField()
    hidden_at = models.DateTimeField(null=True, blank=True)
    passed_at = models.DateTimeField(null=True, blank=True)

    objects = ShownRevisions["Revision"]()
    in_history = RevisionsInHistory["Revision"]()
    everything = RevisionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.repo} at {self.commit[:10]}"

    @property
    def is_shown(self) -> bool:
        """Return True if it may be served to everybody; a record may name one that may not."""
        return self.is_in_history and not self.is_quarantined

    @property
    def is_in_history(self) -> bool:
        """Return False for one that is hidden, which nobody sees."""
        return self.hidden_at is None

    @property
    def is_quarantined(self) -> bool:
        """Return True until it has passed its check."""
        return self.passed_at is None

    def all_files(self) -> models.QuerySet[File]:
        """Select its files, in quarantine too: whoever has the revision was allowed to."""
        return File.in_history.filter(revision=self)


class NamedRevision(models.Model):
    """A base of branches and tags."""

    class Kind(models.TextChoices):
        BRANCH = "branch"
        TAG = "tag"

    kind = models.CharField(max_length=6, choices=Kind)
    name = models.CharField(max_length=200)

    class Meta:
        abstract = True

    @property
    def full_name(self) -> str:
        return f"refs/{'heads' if self.kind == self.Kind.BRANCH else 'tags'}/{self.name}"


class Ref(NamedRevision):
    """A branch or tag as everybody sees it: a name for one revision that has passed its check."""

    repo = models.ForeignKey(ModelRepo, on_delete=models.CASCADE, related_name="refs")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="refs")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["repo", "kind", "name"], name="one_ref_per_name")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} of {self.repo}"


class File(models.Model):
    """A path in a revision. ``lfs`` files are named by sha256, others by git's blob sha1.

    ``objects`` are those of shown revisions, ``in_history`` those in quarantine too;
    ``everything`` is for records.
    """

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="files")
    path = models.CharField(max_length=500)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="files")
    lfs = models.BooleanField()

    objects = FilesOfShownRevisions["File"]()
    in_history = FilesInHistory["File"]()
    everything = models.Manager["File"]()

    class Meta:
        ordering = ["path"]
        constraints = [
            models.UniqueConstraint(fields=["revision", "path"], name="one_file_per_path")
        ]

    def __str__(self) -> str:
        return self.path

    @property
    def etag(self) -> str:
        """Return the ETag, by which the Hub's clients name their cached copy."""
        return self.blob.sha256 if self.lfs else self.blob.git_sha1

    @property
    def is_open(self) -> bool:
        """Return True for the card, licence and checksums: anybody reads them before any gate."""
        return self.path in OPEN_PATHS


OPEN_PATHS = frozenset({"README.md", "LICENSE", "LICENSE.md", "NOTICE", "SHA256SUMS", "model.sig"})


class ManifestKey(models.Model):
    """The public half of a key that has signed: old signatures are verified with it."""

    fingerprint = models.CharField(max_length=64, primary_key=True, validators=[SHA256])
    public_pem = models.TextField()
    first_used_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.fingerprint


class RevisionSignature(models.Model):
    """A key's signature over a revision's files; the blob holds its ``model.sig``."""

    revision = models.OneToOneField(Revision, on_delete=models.PROTECT, related_name="signature")
    key = models.ForeignKey(ManifestKey, on_delete=models.PROTECT, related_name="signatures")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="signatures")
    signed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"signature of {self.revision}"

"""Revisions, the names for them, their files and their signatures."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from portal.catalog.models.blobs import Blob
from portal.catalog.models.fields import COMMIT, SHA256
from portal.catalog.models.repos import ModelRepo
from portal.catalog.querysets import FilesOfShownRevisions, RevisionQuerySet, ShownRevisions


class Revision(models.Model):
    """An immutable state of a repo, named by a 40-hex commit.

    A hidden one is out of the history that is told, and stays for the records that name it. So
    ``objects`` leaves it out; ``everything`` is for records, which follow a key that they hold.
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

    objects = ShownRevisions["Revision"]()
    everything = RevisionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.repo} at {self.commit[:10]}"

    @property
    def is_shown(self) -> bool:
        """Return True if it may be served; a record may name one that may not."""
        return self.hidden_at is None


class Ref(models.Model):
    """A branch or tag: a name for one revision."""

    class Kind(models.TextChoices):
        BRANCH = "branch"
        TAG = "tag"

    repo = models.ForeignKey(ModelRepo, on_delete=models.CASCADE, related_name="refs")
    kind = models.CharField(max_length=6, choices=Kind)
    name = models.CharField(max_length=200)
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="refs")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["repo", "kind", "name"], name="one_ref_per_name")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} of {self.repo}"

    @property
    def full_name(self) -> str:
        return f"refs/{'heads' if self.kind == self.Kind.BRANCH else 'tags'}/{self.name}"


class File(models.Model):
    """A path in a revision. ``lfs`` files are named by sha256, others by git's blob sha1.

    ``objects`` are those of shown revisions; ``everything`` is for records.
    """

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="files")
    path = models.CharField(max_length=500)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="files")
    lfs = models.BooleanField()

    objects = FilesOfShownRevisions["File"]()
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

"""What a lab releases: repos, their immutable revisions, the licences they stand under."""

from __future__ import annotations

import hashlib
from typing import Any, NoReturn

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower

from portal.accounts.models import Namespace
from portal.accounts.names import validate_name
from portal.catalog.querysets import LicenceVersionQuerySet, ModelRepoQuerySet

SHA256 = RegexValidator(r"^[0-9a-f]{64}$")
COMMIT = RegexValidator(r"^[0-9a-f]{40}$")


class Licence(models.Model):
    """A licence by name; its texts are its versions."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.name


class LicenceVersion(models.Model):
    """One immutable text. ``terms`` holds its summary and what is acknowledged singly."""

    class Kind(models.TextChoices):
        EDITORIAL = "editorial"
        MATERIAL = "material"

    licence = models.ForeignKey(Licence, on_delete=models.PROTECT, related_name="versions")
    version = models.CharField(max_length=20)
    kind = models.CharField(max_length=9, choices=Kind, default=Kind.MATERIAL)
    text = models.TextField()
    sha256 = models.CharField(max_length=64, validators=[SHA256])
    attribution = models.TextField()
    terms = models.JSONField(default=dict)
    effective_at = models.DateTimeField()

    objects = LicenceVersionQuerySet.as_manager()

    class Meta:
        ordering = ["-effective_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["licence", "version"], name="one_text_per_version")
        ]

    def __str__(self) -> str:
        return f"{self.licence.name} {self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Once. Signatures name this row: what they signed must stay what it says."""
        if not self._state.adding:
            raise TypeError("A licence version never changes. Publish a new one.")
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: object, **kwargs: object) -> NoReturn:
        raise TypeError("A licence version is never deleted.")

    @property
    def path(self) -> str:
        """Its page."""
        return f"/licences/{self.licence.slug}/{self.version}"

    @staticmethod
    def digest(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def attestations(self) -> list[dict[str, str]]:
        """``[{code, text, help}]``, each to be ticked singly by who signs."""
        return list(self.terms.get("attestations", []))


class Gate(models.TextChoices):
    """What stands before one mode of access."""

    OPEN = "open", "Open"
    LICENCE = "licence", "Sign the licence"
    REVIEW = "review", "By request"


class Mode(models.TextChoices):
    DOWNLOAD = "download", "Download"
    INFERENCE = "inference", "Hosted inference"


class ModelRepo(models.Model):
    """``namespace/name``: what is released, and the gate before each mode.

    A deleted one keeps its row, since grants, signatures and events name it; its name is free.
    """

    namespace = models.ForeignKey(Namespace, on_delete=models.PROTECT, related_name="repos")
    name = models.CharField(max_length=96, validators=[validate_name])
    summary = models.CharField(max_length=300, blank=True)
    why_gated = models.TextField(blank=True)
    family = models.CharField(max_length=60, blank=True)
    parameters = models.BigIntegerField(null=True, blank=True)
    context_length = models.PositiveIntegerField(null=True, blank=True)
    private = models.BooleanField(default=False)
    download_gate = models.CharField(max_length=7, choices=Gate, default=Gate.REVIEW)
    inference_gate = models.CharField(max_length=7, choices=Gate, default=Gate.REVIEW)
    licence = models.ForeignKey(
        Licence, null=True, blank=True, on_delete=models.PROTECT, related_name="repos"
    )
    hosted = models.BooleanField(default=False)
    decision_days = models.PositiveSmallIntegerField(default=14)
    pickles_allowed = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ModelRepoQuerySet.as_manager()

    class Meta:
        ordering = ["namespace__name", "name"]
        constraints = [
            models.UniqueConstraint(
                "namespace",
                Lower("name"),
                condition=models.Q(deleted_at=None),
                name="standing_repo_name_any_case",
            ),
            models.CheckConstraint(
                name="a_gate_has_a_licence",
                condition=models.Q(licence__isnull=False)
                | models.Q(download_gate="open", inference_gate="open"),
            ),
        ]

    def __str__(self) -> str:
        return self.full_name

    @property
    def full_name(self) -> str:
        return f"{self.namespace.name}/{self.name}"

    def gate(self, mode: Mode) -> Gate:
        return Gate(self.download_gate if mode == Mode.DOWNLOAD else self.inference_gate)

    @property
    def is_gated(self) -> bool:
        return self.download_gate != Gate.OPEN

    @property
    def takes_requests(self) -> bool:
        return Gate.REVIEW in (self.download_gate, self.inference_gate)


class FormerName(models.Model):
    """What a repo was called before it moved, until another repo takes the name."""

    namespace = models.ForeignKey(Namespace, on_delete=models.PROTECT, related_name="former_names")
    name = models.CharField(max_length=96)
    repo = models.ForeignKey(ModelRepo, on_delete=models.CASCADE, related_name="former_names")

    class Meta:
        constraints = [
            models.UniqueConstraint("namespace", Lower("name"), name="former_name_any_case")
        ]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}, now {self.repo}"


class TeamMember(models.Model):
    """Who reviews a repo's requests, and who administers it."""

    class Role(models.TextChoices):
        REVIEWER = "reviewer"
        ADMINISTRATOR = "administrator"

    repo = models.ForeignKey(ModelRepo, on_delete=models.CASCADE, related_name="team")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="team_memberships"
    )
    role = models.CharField(max_length=13, choices=Role)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repo", "user"], name="one_seat_each")]

    def __str__(self) -> str:
        return f"{self.user}, {self.role} of {self.repo}"


class Blob(models.Model):
    """Bytes, known by their sha256, held once however many files name them."""

    sha256 = models.CharField(max_length=64, primary_key=True, validators=[SHA256])
    git_sha1 = models.CharField(max_length=40, validators=[COMMIT])
    size_bytes = models.BigIntegerField()
    checked_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                models.F("checked_at").asc(nulls_first=True), "sha256", name="blobs_by_check"
            )
        ]

    def __str__(self) -> str:
        return self.sha256


class StorageFinding(models.Model):
    """Where store and rows disagree; open until it is mended."""

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


class Revision(models.Model):
    """One immutable state of a repo, named by a 40-hex commit.

    A hidden one is out of the history that is told, and stays for the records that name it.
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

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.repo} at {self.commit[:10]}"


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
    """A path in a revision. ``lfs`` files are named by sha256, others by git's blob sha1."""

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="files")
    path = models.CharField(max_length=500)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="files")
    lfs = models.BooleanField()

    class Meta:
        ordering = ["path"]
        constraints = [
            models.UniqueConstraint(fields=["revision", "path"], name="one_file_per_path")
        ]

    def __str__(self) -> str:
        return self.path

    @property
    def etag(self) -> str:
        """What the Hub's clients name their cached copy by."""
        return self.blob.sha256 if self.lfs else self.blob.git_sha1

    @property
    def is_open(self) -> bool:
        """Card, licence and checksums are read before any gate."""
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
    """That a key has signed a revision's files; the blob is what its ``model.sig`` holds."""

    revision = models.OneToOneField(Revision, on_delete=models.PROTECT, related_name="signature")
    key = models.ForeignKey(ManifestKey, on_delete=models.PROTECT, related_name="signatures")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="signatures")
    signed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"signature of {self.revision}"


class LogbookEntry(models.Model):
    """One entry of a model's training logbook, append-only; a correction is a new entry."""

    class Kind(models.TextChoices):
        LAUNCH = "launch"
        RESTART = "restart"
        CRASH = "crash"
        HARDWARE = "hardware"
        INCIDENT = "incident"
        HYPERPARAMETER = "hyperparameter"
        SOFTWARE = "software"
        DATA = "data"
        DECISION = "decision"
        CAPACITY = "capacity"
        ONCALL = "oncall"
        UPDATE = "update"
        MILESTONE = "milestone"
        EVALUATION = "evaluation"
        NOTE = "note"

    class Correction(models.TextChoices):
        """What an entry does to the earlier one that it names."""

        CORRECTS = "corrects"
        VOIDS = "voids"
        REVERTS = "reverts"

    repo = models.ForeignKey(ModelRepo, on_delete=models.PROTECT, related_name="logbook")
    number = models.PositiveIntegerField()
    run = models.CharField(max_length=80)
    parent_run = models.CharField(max_length=80, blank=True)
    author = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=14, choices=Kind)
    cause = models.CharField(max_length=40, blank=True)
    automatic = models.BooleanField(default=False)
    occurred_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    zone = models.CharField(max_length=40, default="UTC")
    step = models.BigIntegerField(null=True)
    tokens = models.BigIntegerField(null=True)
    figures = models.JSONField(default=dict)
    changes = models.JSONField(default=list)
    software = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    corrects = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="corrections"
    )
    correction = models.CharField(max_length=8, choices=Correction, blank=True)
    recorded_at = models.DateTimeField()
    digest = models.CharField(max_length=64, validators=[SHA256])

    class Meta:
        ordering = ["number"]
        verbose_name_plural = "logbook entries"
        constraints = [
            models.UniqueConstraint(fields=["repo", "number"], name="logbook_numbered"),
            models.UniqueConstraint(fields=["repo", "digest"], name="logbook_entry_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of run {self.run}"

"""Store what was brought for a repo, and what was read of its files for the Hub's clients."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from portal.catalog.models import Blob, ModelRepo, Revision


class Upload(models.Model):
    """A record that a publisher of this repo has brought these bytes.

    Knowing a sha256 gives nobody the bytes: it stands in the listing of every gated repo. So a
    commit may name only what was brought for its repo, or is in it.
    """

    repo = models.ForeignKey(ModelRepo, on_delete=models.PROTECT, related_name="uploads")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="uploads")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="uploads"
    )
    arrived_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repo", "blob"], name="brought_once")]

    def __str__(self) -> str:
        return f"{self.blob} for {self.repo}"


class RevisionCard(models.Model):
    """A revision's card as programs read it: read once, since a revision never changes.

    ``tags`` are as the Hub derives them; ``keys`` are the same in lower case, to be found by.
    """

    revision = models.OneToOneField(
        Revision, on_delete=models.CASCADE, primary_key=True, related_name="card"
    )
    metadata = models.JSONField(default=dict)
    library = models.CharField(max_length=100, blank=True)
    pipeline = models.CharField(max_length=100, blank=True)
    tags = ArrayField(models.CharField(max_length=250), default=list)
    keys = ArrayField(models.CharField(max_length=250), default=list)

    class Meta:
        indexes = [GinIndex(fields=["keys"], name="found_by_tags")]

    def __str__(self) -> str:
        return f"card of {self.revision}"


class TensorCount(models.Model):
    """A safetensors file's parameters by dtype; empty where it can't be read."""

    blob = models.OneToOneField(
        Blob, on_delete=models.CASCADE, primary_key=True, related_name="tensor_count"
    )
    parameters = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"tensors of {self.blob}"

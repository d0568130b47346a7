"""What has been brought for a repo and is not in a revision yet."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from portal.catalog.models import Blob, ModelRepo


class Upload(models.Model):
    """That a publisher of this repo has brought these bytes.

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

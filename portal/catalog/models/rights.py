"""The right by which a repo's weights are hosted, as somebody stated it."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from portal.catalog.models.licences import Licence
from portal.catalog.models.repos import ModelRepo


class HostingRight(models.Model):
    """The newest statement of the right to host a repo's weights, under the licence of that time.

    ``consent``: who gave it in writing, when, and where it is kept; empty where the person said
    that they are the licensor. Earlier statements stand in the record.
    """

    repo = models.OneToOneField(ModelRepo, on_delete=models.CASCADE, related_name="hosting_right")
    licence = models.ForeignKey(Licence, null=True, on_delete=models.PROTECT, related_name="+")
    consent = models.TextField(blank=True)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    stated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"right to host {self.repo}"

    @property
    def holds(self) -> bool:
        """Tell whether the repo stands under the same licence still; else it is asked anew."""
        return self.licence_id == self.repo.licence_id

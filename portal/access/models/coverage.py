"""Coverage: the models that a grant through a collection opens."""

from __future__ import annotations

from django.db import models

from portal.access.models.fields import modes_field, person_field
from portal.access.models.grants import Grant
from portal.access.querysets import CoverageQuerySet
from portal.catalog.models import ModelRepo


class Coverage(models.Model):
    """A model that a grant covers: in which modes, on which conditions, since when, until when.

    Both are whole as they stand here: the grant's own, narrowed for this model. It opens the model
    only while its grant is active; one that was ended stays on record.
    """

    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="coverage")
    repo = models.ForeignKey(ModelRepo, on_delete=models.PROTECT, related_name="coverage")
    modes = modes_field()
    conditions = models.JSONField(default=dict)
    added_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = person_field(null=True)
    end_reason = models.TextField(blank=True)

    objects = CoverageQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["repo", "grant"])]
        constraints = [
            models.UniqueConstraint(
                fields=["grant", "repo"],
                condition=models.Q(ended_at=None),
                name="covered_once",
            ),
            models.CheckConstraint(
                name="coverage_ended_by_someone",
                condition=models.Q(ended_at=None, ended_by=None, end_reason="")
                | (
                    models.Q(ended_at__isnull=False, ended_by__isnull=False)
                    & ~models.Q(end_reason="")
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.repo} under {self.grant.reference}"

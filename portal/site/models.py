"""The months whose figures are published."""

from __future__ import annotations

from django.db import models


class PublishedMonth(models.Model):
    """The figures of a month that is over, as everybody reads them, small cells left out.

    They are counted once. Counted anew they could differ by one person, whom the difference tells.
    """

    month = models.DateField(unique=True)
    figures = models.JSONField()
    published_at = models.DateTimeField()

    class Meta:
        ordering = ["-month"]

    @property
    def is_sample(self) -> bool:
        """Tell whether it is one of a demo's, invented and marked so."""
        return bool(self.figures.get("sample"))

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"

"""A disclosure: an operator reads one job's prompt and output, for an hour and for a reason."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models

OPEN_FOR = timedelta(hours=1)
CONFIRMED_WITHIN = timedelta(days=1)


class JobDisclosure(models.Model):
    """An operator's request to read a job's texts. It opens at once, or when another confirms it.

    ``opens_until`` is None until it opens.
    """

    job = models.ForeignKey("jobs.Job", on_delete=models.PROTECT, related_name="disclosures")
    reason = models.TextField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="disclosures_asked"
    )
    asked_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="disclosures_confirmed",
    )
    confirmed_at = models.DateTimeField(null=True)
    opens_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-asked_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="disclosure_confirmed_by_another",
                condition=models.Q(confirmed_by=None, confirmed_at=None)
                | (
                    models.Q(
                        confirmed_by__isnull=False,
                        confirmed_at__isnull=False,
                        opens_until__isnull=False,
                    )
                    & ~models.Q(confirmed_by=models.F("asked_by"))
                ),
            )
        ]

    def __str__(self) -> str:
        return f"Disclosure {self.pk} of job {self.job_id}"

    def is_open(self, now: datetime) -> bool:
        return self.opens_until is not None and now < self.opens_until

    def awaits_another(self, now: datetime) -> bool:
        """Tell whether a second operator may still confirm it."""
        return self.opens_until is None and now < self.asked_at + CONFIRMED_WITHIN

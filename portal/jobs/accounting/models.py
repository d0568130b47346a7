"""The figures that price jobs, and the energy that a served model takes while nobody asks it."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from portal.catalog.models import ModelRepo


class EnergySource(models.TextChoices):
    """The ways to know how much energy was used."""

    NVML = "nvml", "measured by NVML at the GPUs"
    RAPL = "rapl", "measured by RAPL at the processors and memory"
    ESTIMATE = "estimate", "estimated from an assumed power"


class Tariff(models.Model):
    """The figures that jobs are priced with from a day on.

    A row is never changed: where two begin on one day, the later one counts.
    """

    valid_from = models.DateField()
    price_per_hour = models.DecimalField(max_digits=12, decimal_places=6)
    price_per_kwh = models.DecimalField(max_digits=12, decimal_places=6)
    kg_per_kwh = models.DecimalField(max_digits=9, decimal_places=6)
    currency = models.CharField(max_length=3)
    note = models.CharField(max_length=200, blank=True)
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField()

    class Meta:
        ordering = ["-valid_from", "-pk"]

    def __str__(self) -> str:
        return f"Tariff {self.pk}, from {self.valid_from}"


class IdleEnergy(models.Model):
    """The energy that a worker's model took on a day and that went to no job.

    Each time that a worker serves a model is a session of its own, with its rows, which hold its
    totals. So a row may be written again and again, and a worker that was killed leaves nothing
    that its successor could count twice.
    """

    session = models.UUIDField()
    repo = models.ForeignKey(ModelRepo, on_delete=models.PROTECT, related_name="idle_energy")
    day = models.DateField()
    source = models.CharField(max_length=8, choices=EnergySource)
    energy_wh = models.FloatField()
    co2_g = models.FloatField()
    written_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["repo", "day"], name="jobs_idle_of_repo")]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "day", "source"], name="one_idle_row_per_session_day_source"
            )
        ]

    def __str__(self) -> str:
        return f"Idle energy of {self.repo_id} on {self.day}"

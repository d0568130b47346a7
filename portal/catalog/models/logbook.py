"""A model’s training logbook."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.catalog.models.fields import SHA256
from portal.catalog.models.repos import ModelRepo


class LogbookEntry(models.Model):
    """An entry of a model's training logbook, append-only; a correction is a new entry."""

    class Kind(models.TextChoices):
        LAUNCH = "launch", _("Launch")
        RESTART = "restart", _("Restart")
        CRASH = "crash", _("Crash")
        HARDWARE = "hardware", _("Hardware")
        INCIDENT = "incident", _("Incident")
        HYPERPARAMETER = "hyperparameter", _("Hyperparameter")
        SOFTWARE = "software", _("Software")
        DATA = "data", _("Data")
        DECISION = "decision", _("Decision")
        CAPACITY = "capacity", _("Capacity")
        ONCALL = "oncall", _("Oncall")
        UPDATE = "update", _("Update")
        MILESTONE = "milestone", _("Milestone")
        EVALUATION = "evaluation", _("Evaluation")
        NOTE = "note", _("Note")

    class Correction(models.TextChoices):
        """The ways in which an entry amends the earlier one that it names."""

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

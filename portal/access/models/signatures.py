"""Signatures under licence texts."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.catalog.models import LicenceVersion
from portal.text.lines import LineField


class Acceptance(models.Model):
    """A signature: by whom, under which exact text, in what capacity, when and from where."""

    class Capacity(models.TextChoices):
        PERSON = "person", _("For myself")
        ENTITY = "entity", _("For an organization, with authority to bind it")

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="acceptances"
    )
    licence_version = models.ForeignKey(
        LicenceVersion, on_delete=models.PROTECT, related_name="acceptances"
    )
    text_sha256 = models.CharField(max_length=64)
    text_language = models.CharField(max_length=35, default="en", db_default="en")
    typed_name = LineField(max_length=200)
    capacity = models.CharField(max_length=6, choices=Capacity)
    entity = LineField(max_length=200, blank=True)
    attestations = ArrayField(models.CharField(max_length=40))
    accepted_at = models.DateTimeField()
    ip = models.GenericIPAddressField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="an_entity_is_named",
                condition=models.Q(capacity="person") | ~models.Q(entity=""),
            )
        ]

    def __str__(self) -> str:
        return f"{self.licence_version}, signed by {self.typed_name}"

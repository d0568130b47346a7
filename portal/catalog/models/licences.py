"""Licences and their immutable texts."""

from __future__ import annotations

import hashlib
from typing import Any, NoReturn

from django.db import models

from portal.accounts.models import Namespace
from portal.catalog.models.fields import LANGUAGE_TAG, SHA256
from portal.catalog.querysets import LicenceQuerySet, LicenceVersionQuerySet
from portal.text.lines import LineField


class Licence(models.Model):
    """A licence by name; its texts are its versions.

    Whoever may publish in its namespace publishes them; without one, it is the operator's.
    """

    slug = models.SlugField(unique=True)
    name = LineField(max_length=200)
    namespace = models.ForeignKey(
        Namespace, null=True, blank=True, on_delete=models.PROTECT, related_name="licences"
    )

    objects = LicenceQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class LicenceVersion(models.Model):
    """An immutable text. ``terms`` holds its summary and what signers tick one by one.

    ``language``: of both, by its tag, such as "en" or "pt-BR".
    """

    class Kind(models.TextChoices):
        EDITORIAL = "editorial"
        MATERIAL = "material"

    licence = models.ForeignKey(Licence, on_delete=models.PROTECT, related_name="versions")
    version = LineField(max_length=20)
    kind = models.CharField(max_length=9, choices=Kind, default=Kind.MATERIAL)
    text = models.TextField()
    language = models.CharField(
        max_length=35, validators=[LANGUAGE_TAG], default="en", db_default="en"
    )
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
        """Save once and refuse later: signatures name this row, so its text must stay."""
        if not self._state.adding:
            raise TypeError("A licence version never changes. Publish a new one.")
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: object, **kwargs: object) -> NoReturn:
        raise TypeError("A licence version is never deleted.")

    @property
    def path(self) -> str:
        """Return the path of the version's page."""
        return f"/licences/{self.licence.slug}/{self.version}"

    @staticmethod
    def digest(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def attestations(self) -> list[dict[str, str]]:
        """Return ``[{code, text, help}]``, each to be ticked by itself."""
        return list(self.terms.get("attestations", []))

"""Columns that several models share."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from portal.catalog.models import Mode


def modes_field() -> ArrayField[list[str], list[str]]:
    return ArrayField(models.CharField(max_length=9, choices=Mode))


def person_field(**options: Any) -> models.ForeignKey[Any, Any]:
    """Return a key to a person who did something, whose account then can't be deleted."""
    options = {"on_delete": models.PROTECT, "related_name": "+", **options}
    return models.ForeignKey(settings.AUTH_USER_MODEL, **options)

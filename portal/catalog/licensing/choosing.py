"""Find the licence that somebody chooses for a model."""

from __future__ import annotations

from portal.catalog.models import Licence
from portal.errors import FieldErrors


def licence_named(slug: str) -> Licence:
    """Return a published licence by its short name. Raise FieldErrors."""
    licence: Licence | None = Licence.objects.published().filter(slug=slug).first()
    if licence is None:
        remedy = "Publish it first, or choose another one."
        raise FieldErrors({"licence": f"No licence is published here as “{slug}”. {remedy}"})
    return licence

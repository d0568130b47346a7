"""The address of a model's request form."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse

from portal.catalog.models import ModelRepo


def request_form_url(repo: ModelRepo) -> str | None:
    """Return the address of the form; None where the model takes no requests."""
    if not repo.takes_requests:
        return None
    return settings.BASE_URL + reverse("api:request_form", args=[repo.namespace.name, repo.name])

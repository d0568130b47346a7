"""The tabs of a lab's settings: ``{% load labs %}{% lab_tabs lab "people" %}``."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse

from portal.accounts.models import Namespace

register = template.Library()

# Each tab's key, its label, and the view it leads to.
TABS = (
    ("people", "People", "site:lab"),
    ("models", "Models", "site:lab_models"),
    ("licences", "Licences", "site:lab_licences"),
    ("collections", "Collections", "site:lab_collections"),
)


@register.inclusion_tag("site/labs/_tabs.html")
def lab_tabs(lab: Namespace, current: str) -> dict[str, Any]:
    """Render the head of a lab's settings with its tabs, of which ``current`` is open."""
    tabs = [
        {"label": label, "url": reverse(view, args=[lab.name]), "is_current": key == current}
        for key, label, view in TABS
    ]
    return {"lab": lab, "tabs": tabs}

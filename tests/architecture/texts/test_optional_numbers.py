"""A box that may be left empty sends what is typed into it, so that no typing error means empty."""

from __future__ import annotations

from collections.abc import Iterator

from django import forms
from django.urls import get_resolver

from portal.jobs.playground.chat_form import ChatPlaygroundForm
from portal.jobs.playground.forms import PlaygroundForm

# Browsers check the playground before they send it.
CHECKED_BY_BROWSERS = {PlaygroundForm, ChatPlaygroundForm}


def subclasses(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def test_no_form_takes_a_half_typed_number_for_none():
    get_resolver().url_patterns  # noqa: B018  # imports all views, and with them their forms
    boxes = [
        f"{form.__name__}.{name}"
        for form in subclasses(forms.BaseForm)
        if form.__module__.startswith("portal.") and form not in CHECKED_BY_BROWSERS
        for name, field in getattr(form, "base_fields", {}).items()
        if not field.required and isinstance(field.widget, forms.NumberInput)
    ]
    assert boxes == []

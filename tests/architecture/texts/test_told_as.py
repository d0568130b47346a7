"""Each number and day that a form asks for says in words of its own what it takes."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError
from django.urls import get_resolver

from tests.architecture.texts.test_long_texts import ours

FIELDS = (forms.IntegerField, forms.DateField, forms.DateTimeField)
ODD = ("many", "-99999999999", "99999999999", "0.00001")


def asked() -> list[tuple[str, forms.Field]]:
    assert get_resolver().url_patterns  # imports every view, and so every form
    return [
        (f"{form.__name__}.{name}", field)
        for form in ours(forms.Form)
        for name, field in form.base_fields.items()
        if isinstance(field, FIELDS)
    ]


def said_of(field: forms.Field, value: str) -> str:
    """Return the complaint about a value, or "" where the field takes it."""
    try:
        field.clean(value)
    except ValidationError as error:
        return " ".join(map(str, error.messages))
    return ""


def test_no_number_or_day_complains_in_the_words_of_the_framework() -> None:
    fields = asked()
    assert len(fields) > 10
    said = {(name, value): said_of(field, value) for name, field in fields for value in ODD}
    bare = ("Ensure this value", "Enter a ")
    assert [place for place, words in said.items() if words.startswith(bare)] == []


def test_what_it_says_names_the_field() -> None:
    nameless = [name for name, field in asked() if ": give " not in said_of(field, "many")]
    assert nameless == []

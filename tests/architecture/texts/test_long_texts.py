"""Every textarea's text is read by one kind of field, which keeps lines as they were typed."""

from __future__ import annotations

from collections.abc import Iterator

from django import forms
from django.urls import get_resolver

from portal.forms.fields import LongText


def ours(kind: type[forms.BaseForm]) -> Iterator[type[forms.BaseForm]]:
    for form in kind.__subclasses__():
        if form.__module__.startswith("portal."):
            yield form
        yield from ours(form)


def test_no_form_reads_a_textarea_otherwise() -> None:
    assert get_resolver().url_patterns  # imports every view, and so every form
    areas = {
        (form.__name__, name): field
        for form in ours(forms.Form)
        for name, field in form.base_fields.items()
        if isinstance(field.widget, forms.Textarea)
    }
    assert len(areas) > 10
    assert [name for name, field in areas.items() if not isinstance(field, LongText)] == []


def test_lines_end_as_they_were_typed() -> None:
    field = LongText(strip=False, max_length=len("a b c"))
    assert field.clean("a\r\nb\rc") == "a\nb\nc"
    assert LongText(required=False).clean(None) == ""

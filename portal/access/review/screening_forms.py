"""Forms with which operators edit the sanctions lists that screening compares people with."""

from __future__ import annotations

from django import forms

from portal.access.models import ScreeningEntry
from portal.access.requests.form.builder import PageForm
from portal.forms.fields import LongText


class EntryForm(PageForm):
    """An entry of the sanctions lists."""

    kind = forms.ChoiceField(label="List", choices=ScreeningEntry.Kind.choices)
    value = forms.CharField(
        label="Line",
        max_length=200,
        help_text="A country’s code, a mail domain, or a name.",
        error_messages={"required": "Give a country’s code, a mail domain, or a name."},
    )
    note = forms.CharField(
        label="Note", required=False, max_length=1000, help_text="Where it comes from."
    )


class ImportForm(PageForm):
    lines = LongText(
        label="Lines",
        strip=False,
        help_text="CSV: kind, value, note. Kinds are country, domain, person, organization.",
        error_messages={"required": "Paste the lines, or choose a file."},
        widget=forms.Textarea(attrs={"rows": 10}),
    )

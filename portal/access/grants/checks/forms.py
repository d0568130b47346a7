"""The form that clears a screening hit."""

from __future__ import annotations

from django import forms

from portal.access.requests.form.builder import PageForm
from portal.forms.fields import LongText


class ClearForm(PageForm):
    text = LongText(
        label="What you looked at, and why it is clear",
        max_length=5000,
        error_messages={"required": "Say what you looked at, and why it is clear."},
        widget=forms.Textarea(attrs={"rows": 4}),
    )

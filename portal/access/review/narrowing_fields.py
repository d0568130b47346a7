"""The fields that narrow an approval for one model of a collection."""

from __future__ import annotations

from django import forms

from portal.access.requests.form.forms import LONGEST_TEXT
from portal.access.requests.form.questions import mode_choices
from portal.catalog.models import ModelRepo
from portal.forms.fields import LongText


def patterns_in(text: str) -> tuple[str, ...] | None:
    """Return the patterns that stand one a line; None for an empty text."""
    return tuple(line.strip() for line in text.splitlines() if line.strip()) or None


def narrowing_fields(repo: ModelRepo) -> dict[str, forms.Field]:
    """Return the fields that narrow an approval for one model of a collection."""
    return {
        "only_modes": forms.MultipleChoiceField(
            label=f"{repo.name}: only these modes",
            required=False,
            choices=mode_choices(repo),
            help_text="None chosen: as for all.",
            widget=forms.CheckboxSelectMultiple,
        ),
        "no_logits": forms.BooleanField(label=f"{repo.name}: generated text only", required=False),
        "no_captures": forms.BooleanField(label=f"{repo.name}: no captures", required=False),
        "only_files": LongText(
            label=f"{repo.name}: only these files",
            required=False,
            max_length=LONGEST_TEXT,
            help_text="Paths or patterns, one a line. Empty: as for all.",
            widget=forms.Textarea(attrs={"rows": 2}),
        ),
    }

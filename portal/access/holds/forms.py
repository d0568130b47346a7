"""Forms of the pages of holds."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms

from portal.access.models import Hold
from portal.access.requests.form.forms import PageForm, words_field
from portal.catalog.models import ModelRepo
from portal.forms.fields import LongText


class HoldForm(PageForm):
    """The field for whom or what a hold is placed on, by the name that people know."""

    named: ClassVar = {"subject_id": "subject", "repo_id": "repo"}

    scope = forms.ChoiceField(
        label="What do you hold?",
        choices=Hold.Scope.choices,
        error_messages={"required": "Choose what to hold."},
        widget=forms.RadioSelect,
    )
    subject = forms.CharField(
        label="Name it",
        max_length=300,
        help_text="A username or a confirmed e-mail address; an organization’s full name or ROR "
        "id; a revision’s commit, its first ten digits at least.",
        error_messages={"required": "Say who or what is to be held."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    repo = forms.ModelChoiceField(
        label="On",
        queryset=ModelRepo.objects.none(),
        required=False,
        empty_label=None,
        error_messages={"invalid_choice": "Choose a model that you administer."},
    )
    only_files = LongText(
        label="Files, of a revision",
        max_length=4000,
        required=False,
        help_text="Their bytes are held in every revision that has them. One path or pattern a "
        "line, such as *.safetensors; empty for the weights.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    reason = words_field(
        "Reason", "Those who are held back read it.", "Say why; those who are held back read it."
    )

    def __init__(self, *args: Any, repos: Any, everywhere: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["repo"]
        field.queryset = repos  # type: ignore[attr-defined]
        field.required = not everywhere
        field.empty_label = "All models" if everywhere else "Choose a model"  # type: ignore[attr-defined]
        field.error_messages["required"] = "Choose the model."

    def clean_only_files(self) -> list[str]:
        lines = self.cleaned_data["only_files"].splitlines()
        return [line.strip() for line in lines if line.strip()]


class LiftForm(PageForm):
    reason = words_field(
        "Why may it end?", "The record keeps it.", "Say why it may end; the record keeps it."
    )

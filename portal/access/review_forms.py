"""What a reviewer fills in to decide."""

from __future__ import annotations

from typing import Any

from django import forms

from portal.access.forms import WORDS, PageForm
from portal.access.models import Decision
from portal.access.questions import requestable_modes
from portal.catalog.models import ModelRepo


class ApproveForm(PageForm):
    modes = forms.MultipleChoiceField(
        label="Modes",
        widget=forms.CheckboxSelectMultiple(attrs={"autofocus": True}),
        error_messages={"required": "Choose at least one kind of access to give."},
    )
    until = forms.DateField(
        label="Until",
        help_text="The last day of the grant.",
        error_messages={"required": "Choose the day on which the grant ends."},
        widget=forms.DateInput(attrs={"type": "date", "class": "short"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, repo: ModelRepo, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(mode), mode.label) for mode in requestable_modes(repo)]
        self.fields["modes"].choices = choices  # type: ignore[attr-defined]


class AskForm(PageForm):
    text = forms.CharField(
        label="Your question",
        max_length=WORDS,
        help_text="One thing at a time. The clock stands until they answer.",
        error_messages={"required": "Write the question that the applicant is to answer."},
        widget=forms.Textarea(attrs={"rows": 4, "autofocus": True}),
    )


class DeclineForm(PageForm):
    reason_code = forms.ChoiceField(
        label="Reason",
        choices=[("", "Choose a reason"), *Decision.Reason.choices],
        help_text="Published; the applicant sees it by name.",
        error_messages={"required": "Choose the reason that the applicant will see."},
        widget=forms.Select(attrs={"autofocus": True}),
    )
    reason_text = forms.CharField(
        label="In your words, to the applicant",
        max_length=WORDS,
        help_text="Say what would have to change. They may correct it and ask again at once.",
        error_messages={"required": "Say why in your own words; the applicant reads this."},
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class RevokeForm(PageForm):
    reason = forms.CharField(
        label="Reason",
        max_length=WORDS,
        help_text="The notice quotes it. Tokens and links stop opening the model at once.",
        error_messages={"required": "Say why; the notice quotes it."},
        widget=forms.Textarea(attrs={"rows": 4, "autofocus": True}),
    )

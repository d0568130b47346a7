"""One verdict for many requests."""

from __future__ import annotations

from typing import Any

from django import forms

from portal.access.models import Decision
from portal.access.requests.form.forms import words_field
from portal.access.requests.form.questions import mode_choices
from portal.access.review.forms import NO_DAY, CaseForm
from portal.forms.fields import told_as

NEEDS = {
    "approved": {
        "modes": "Choose at least one kind of access to give.",
        "until": "Choose the day on which the grants end.",
    },
    "declined": {
        "reason_code": "Choose the reason that the applicants will see.",
        "reason_text": "Say why in your own words; the applicants read this.",
    },
}


class BulkForm(CaseForm):
    """One verdict for all that were chosen."""

    verdict = forms.ChoiceField(
        label="All of them",
        choices=[("approved", "Approve"), ("declined", "Decline")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose whether to approve or to decline."},
    )
    modes = forms.MultipleChoiceField(
        label="Modes", required=False, widget=forms.CheckboxSelectMultiple
    )
    until = forms.DateField(
        label="Until",
        required=False,
        error_messages=told_as(NO_DAY),
        widget=forms.DateInput(attrs={"type": "date", "class": "short"}, format="%Y-%m-%d"),
    )
    reason_code = forms.ChoiceField(
        label="Reason",
        required=False,
        choices=[("", "Choose a reason"), *Decision.Reason.choices],
    )
    reason_text = words_field("In your words, to each applicant", "", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["modes"].choices = mode_choices(self.repo)  # type: ignore[attr-defined]
        if not self.is_bound:
            self._unmark()

    def full_clean(self) -> None:
        super().full_clean()
        self._unmark()

    def _unmark(self) -> None:
        """None of them is optional: one of the two verdicts needs each, and ``clean`` says so."""
        for name in {name for needs in NEEDS.values() for name in needs}:
            self.fields[name].required = True

    def clean(self) -> dict[str, Any]:
        """What the verdict needs, said before anything is tried."""
        given = super().clean() or {}
        for name, words in NEEDS.get(given.get("verdict", ""), {}).items():
            if not given.get(name) and name not in self.errors:
                self.add_error(name, words)
        return given

"""The form that decides many requests at once."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms

from portal.access.grants.quotas.fields import (
    NAMED,
    WithQuotas,
    floor_field,
    offer_quotas,
    quota_field,
    quotas_in,
)
from portal.access.models import Decision
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.quotas import Quotas
from portal.access.requests.form.forms import words_field
from portal.access.requests.form.questions import mode_choices
from portal.access.review.forms import NO_DAY, CaseForm
from portal.catalog.models import Mode
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


class BulkForm(WithQuotas, CaseForm):
    """One verdict for all selected requests."""

    named: ClassVar = NAMED

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
    tokens_per_day = quota_field("tokens_per_day")
    concurrent_jobs = quota_field("concurrent_jobs")
    context_tokens = quota_field("context_tokens")
    egress_bytes_per_day = quota_field("egress_bytes_per_day")
    egress_bytes_total = quota_field("egress_bytes_total")
    has_floor = floor_field()
    reason_code = forms.ChoiceField(
        label="Reason",
        required=False,
        choices=[("", "Choose a reason"), *Decision.Reason.choices],
    )
    reason_text = words_field("In your words, to each applicant", "", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        modes = mode_choices(self.repo)
        self.fields["modes"].choices = modes  # type: ignore[attr-defined]
        are_hosted = Mode.INFERENCE in dict(modes)
        offer_quotas(self, settings_of(self.repo), are_hosted=are_hosted)
        if not self.is_bound:
            self._mark_required()

    def quotas(self) -> Quotas:
        """Return the quotas that valid answers name; what is left at the default is not named."""
        return quotas_in(self.cleaned_data, settings_of(self.repo))

    def full_clean(self) -> None:
        super().full_clean()
        self._mark_required()

    def _mark_required(self) -> None:
        """Show no field of either verdict as optional, once validation is over.

        While a form is validated each must be optional, since the other verdict doesn't need it.
        """
        for name in {name for needs in NEEDS.values() for name in needs}:
            self.fields[name].required = True

    def clean(self) -> dict[str, Any]:
        """Add an error for each field that the chosen verdict needs and that is empty."""
        cleaned = super().clean() or {}
        for name, message in NEEDS.get(cleaned.get("verdict", ""), {}).items():
            if not cleaned.get(name) and name not in self.errors:
                self.add_error(name, message)
        return cleaned

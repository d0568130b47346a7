"""The filters of one's jobs, as they stand in the address."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from portal.access.requests.form.builder import PageForm
from portal.forms.fields import told_as
from portal.jobs.models import Job
from portal.jobs.own.listing import REVERSED, JobFilters
from portal.text.languages import Words

ANY = ("", _("Any"))
STOPPED = (str(Job.State.CANCELLED), _("Stopped"))  # as the list says it
STATES = [
    STOPPED if value == Job.State.CANCELLED else (value, label)
    for value, label in Job.State.choices
]


def _day(label: Words) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages=told_as(
            format_lazy(_("{label}: give a day, such as 2026-11-30."), label=label)
        ),
    )


class JobFiltersForm(PageForm):
    """A form whose wrong values are named and choose nothing."""

    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[ANY, *STATES],
        error_messages={"invalid_choice": _("Choose a state among those of the list.")},
    )
    model = forms.ChoiceField(
        label=_("Model"),
        required=False,
        error_messages={
            "invalid_choice": _("You have run nothing on this model. Choose one of the list.")
        },
    )
    source = forms.ChoiceField(
        label=_("Source"),
        required=False,
        choices=[ANY, *Job.Source.choices],
        error_messages={"invalid_choice": _("Choose a source among those of the list.")},
    )
    first = _day(_("From"))
    last = _day(_("To"))

    def __init__(self, query: QueryDict, *, models: list[str]) -> None:
        super().__init__(query)
        chosen: Any = self.fields["model"]
        chosen.choices = [ANY, *((name, name) for name in models)]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and last < first:
            self.add_error("last", REVERSED)
        return cleaned

    @property
    def filters(self) -> JobFilters:
        """Return what was chosen soundly, once the form was looked at."""
        sound = {name: value for name, value in self.cleaned_data.items() if value}
        return JobFilters(**sound)

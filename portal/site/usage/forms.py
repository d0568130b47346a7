"""The filters of the sums of use."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from portal.access.requests.form.builder import PageForm
from portal.jobs.accounting.months import MONTH_REMEDY, REVERSED, Months, month_named


class MonthField(forms.CharField):
    """A month, written as 2026-11 and cleaned to its first day."""

    widget = forms.TextInput(attrs={"placeholder": "2026-11", "size": 8})

    def clean(self, value: Any) -> Any:
        month = month_named(super().clean(value))
        if month is None:
            raise forms.ValidationError(MONTH_REMEDY)
        return month


class UsageForm(PageForm):
    """The months, and the model if the sums are of one alone."""

    first = MonthField(label=_("From"))
    last = MonthField(label=_("To"))
    model = forms.CharField(required=False, max_length=200, label=_("Model"))

    def __init__(self, query: QueryDict, *, default: Months) -> None:
        data = query.copy()
        data["last"] = data.get("last") or f"{default.last:%Y-%m}"
        if not data.get("first") and (last := month_named(str(data["last"]))):
            data["first"] = f"{Months.ending(last).first:%Y-%m}"
        super().__init__(data)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and last < first:
            self.add_error("last", REVERSED)
        return cleaned

    @property
    def months(self) -> Months:
        """Return the months that were chosen, once the form is clean."""
        return Months(self.cleaned_data["first"], self.cleaned_data["last"])

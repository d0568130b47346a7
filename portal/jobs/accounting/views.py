"""The page of tariffs, for operators alone."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.accounts.views import signed_in
from portal.forms.fields import told_as
from portal.forms.submitting import accepts, form_page, posted_data
from portal.jobs.accounting.tariffs import (
    FIGURES,
    NOTE_LENGTH,
    TariffRates,
    figures_of,
    rates_on,
    set_tariff,
    tariffs_for,
)
from portal.text.lines import LineInput

PAGE_SIZE = 25


def _figure(label: str, hint: str) -> forms.DecimalField:
    remedy = f"{label}: give a number, such as 0.31."
    return forms.DecimalField(
        label=label,
        help_text=hint,
        error_messages={"required": remedy, **told_as(remedy)},
        widget=forms.NumberInput(attrs={"class": "short", "min": 0, "step": "any"}),
    )


class TariffForm(forms.Form):
    """The figures from a day on, filled with those that hold."""

    use_required_attribute = False
    valid_from = forms.DateField(
        label="From",
        help_text="Today or a later day, as UTC counts it.",
        error_messages={
            "required": "Choose the day from which these figures hold.",
            **told_as("From: give a day, such as 2027-03-31."),
        },
        widget=forms.DateInput(attrs={"type": "date", "class": "short"}, format="%Y-%m-%d"),
    )
    price_per_hour = _figure("Price of an hour of the engine", "In {currency}.")
    price_per_kwh = _figure(
        "Price of a kWh", "In {currency}; 0 where the hour’s price includes it."
    )
    kg_per_kwh = _figure("Carbon of a kWh", "In kg of CO₂e, of the grid that feeds the machine.")
    note = LineInput(
        label="Note",
        required=False,
        max_length=NOTE_LENGTH,
        help_text="Where the figures are from. Everybody who sees their own use reads it.",
    )

    def __init__(self, *args: Any, today: date, rates: TariffRates, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.update(figures_of(rates), valid_from=today)
        for name in FIGURES:
            hint = str(self.fields[name].help_text)
            self.fields[name].help_text = hint.format(currency=rates.currency)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tariffs(request: HttpRequest) -> HttpResponse:
    """List the tariffs with who set them, and take another."""
    operator, now = signed_in(request), timezone.now()
    rows = tariffs_for(operator)
    rates = rates_on(now.date())
    form = TariffForm(posted_data(request), today=now.date(), rates=rates, auto_id="%s")

    def add() -> None:
        tariff = set_tariff(actor=operator, now=now, **form.cleaned_data)
        messages.success(request, f"Set. Jobs that end from {tariff.valid_from} on have it.")

    if accepts(form, add):
        return redirect("jobs:tariffs")
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "rows": [(tariff, figures_of(tariff)) for tariff in page],
        "rates": rates,
        "figures": figures_of(rates),
        "today": now.date(),
    }
    return form_page(request, "jobs/tariffs.html", context)

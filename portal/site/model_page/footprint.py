"""A training's energy, carbon and cost as its logbook states them, with how they were reckoned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from portal.catalog.logbook.totals import figure_of
from portal.catalog.models import LogbookEntry
from portal.formatting import figures
from portal.jobs.accounting.tariffs import rates_on

INPUTS = ("device_hours", "watts_per_device", "pue", "kg_per_kwh")


@dataclass(frozen=True)
class TrainingCost:
    amount: float
    currency: str
    reckoning: str


@dataclass(frozen=True)
class TrainingFootprint:
    """The newest entry with both energy and carbon. ``method`` is empty where inputs lack."""

    entry: LogbookEntry
    kwh: float
    kg_co2e: float
    method: str
    cost: TrainingCost | None


def footprint_of(entries: Sequence[LogbookEntry], now: datetime) -> TrainingFootprint | None:
    """Read the newest estimate; None where no entry has one."""
    for entry in reversed(entries):
        kwh, kg = figure_of(entry, "kwh"), figure_of(entry, "kg_co2e")
        if kwh is not None and kg is not None:
            cost = _cost(entry, kwh, now)
            return TrainingFootprint(entry, kwh, kg, _method(entry), cost)
    return None


def _method(entry: LogbookEntry) -> str:
    """Write the formula with its inputs, where the entry has all of them."""
    hours, watts, pue, grid = (figure_of(entry, name) for name in INPUTS)
    if hours is None or watts is None or pue is None or grid is None:
        return ""
    words = _(
        "%(hours)s device-hours × %(watts)s W × %(pue)s for cooling and the like, and %(grid)s kg "
        "CO₂e a kWh"
    )
    return words % {
        "hours": _written(hours),
        "watts": figures(f"{watts:g}"),
        "pue": figures(f"{pue:g}"),
        "grid": figures(f"{grid:g}"),
    }


def _cost(entry: LogbookEntry, kwh: float, now: datetime) -> TrainingCost | None:
    """Price the device-hours: as the lab's entry does, else by this portal's tariff of today."""
    hours = figure_of(entry, "device_hours")
    if hours is None:
        return None
    price, currency = figure_of(entry, "price_per_device_hour"), entry.figures.get("currency")
    if price is not None and isinstance(currency, str):
        reckoning = _("%(hours)s h × %(price)s %(currency)s, the lab’s price") % {
            "hours": _written(hours),
            "price": figures(f"{price:g}"),
            "currency": currency[:10],
        }
        return TrainingCost(hours * price, currency[:10], reckoning)
    rates = rates_on(now.date())
    amount = hours * rates.price_per_hour + kwh * rates.price_per_kwh
    reckoning = _("%(hours)s h at this portal’s tariff of today") % {"hours": _written(hours)}
    return TrainingCost(amount, rates.currency, reckoning)


def _written(hours: float) -> str:
    return figures(f"{hours:,.0f}" if hours >= 100 else f"{hours:.3g}")

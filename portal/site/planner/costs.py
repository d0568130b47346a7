"""Compare what a month's tokens cost: on rented or own GPUs, hosted here, by a paid API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import ceil

from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from portal.formatting import figures, short_date
from portal.jobs.accounting.tariffs import TariffRates
from portal.jobs.words import tokens_in_words
from portal.parsing.price_list import ListPrice
from portal.site.planner.energy import HOURS_OF_RUN
from portal.site.planner.planning import Planned
from portal.text.languages import in_language

HOURS_A_MONTH = 730.0


@dataclass(frozen=True)
class CostLine:
    """One way to have the tokens, in its own currency; ``amount`` is None where a price lacks."""

    way: str
    amount: float | None
    currency: str
    reckoning: str
    source: str


@dataclass(frozen=True)
class Costs:
    """The ways in turn, with the hours that the tokens take one such machine."""

    tokens: int
    hours: float | None
    machines: int
    kilowatt_hours: float | None
    lines: list[CostLine]

    @property
    def tokens_in_words(self) -> str:
        return tokens_in_words(self.tokens)


def costs_of(
    made: Planned,
    tokens: int,
    rates: TariffRates,
    *,
    own_price: float | None = None,
    today: date,
) -> Costs:
    """Reckon a month's tokens on this machine and by what the price list has."""
    price: ListPrice | None = settings.PLANNER_PRICES.of_gpu(made.machine.gpu.name)
    if price is None and own_price is not None:
        price = ListPrice("", own_price, "USD", today, _("as given above"))
    api = [_api_line(item, tokens) for item in settings.PLANNER_PRICES.thousand_tokens]
    if not made.reached:
        return Costs(tokens, None, 0, None, api)
    hours = tokens / made.reached / 3600
    machines = ceil(hours / HOURS_A_MONTH)
    kwh = hours * made.kilowatts(settings.ENGINE_PUE)
    lines = [
        *_rented(made, price, hours, machines),
        _electricity(kwh, rates),
        _hosted(hours, kwh, rates),
        *api,
    ]
    return Costs(tokens, hours, machines, kwh, lines)


@dataclass(frozen=True)
class TrainingPrice:
    """A training's GPU-hours at a list price: our own estimate."""

    hours: int
    price: float
    amount: float
    currency: str
    source: str


def training_price() -> TrainingPrice | None:
    """Price OPT-175B's run, had nothing failed, by the list's A100; None where it has none."""
    price: ListPrice | None = settings.PLANNER_PRICES.of_gpu("a100-80")
    if price is None:
        return None
    amount = HOURS_OF_RUN * price.price
    return TrainingPrice(HOURS_OF_RUN, price.price, amount, price.currency, _told(price))


def _rented(made: Planned, price: ListPrice | None, hours: float, machines: int) -> list[CostLine]:
    gpus = made.plan.gpus
    ways = (
        (
            _("GPUs rented by the hour, while they work"),
            gpus * hours,
            figures(f"{gpus} × {hours:,.1f} h"),
        ),
        (
            _("GPUs rented for the whole month"),
            gpus * machines * HOURS_A_MONTH,
            figures(f"{gpus * machines} × {HOURS_A_MONTH:,.0f} h"),
        ),
    )
    if price is None:
        why = _("no price of such a GPU is listed; give one above")
        return [CostLine(way, None, "", why, "") for way, _, _ in ways]
    return [
        CostLine(
            way,
            gpu_hours * price.price,
            price.currency,
            words + figures(f" × {price.price:,.2f} ") + price.currency,
            _told(price),
        )
        for way, gpu_hours, words in ways
    ]


def _electricity(kwh: float, rates: TariffRates) -> CostLine:
    way = _("GPUs that you own: electricity alone, nothing for buying or keeping them")
    used = figures(f"{kwh:,.1f}")
    if not rates.price_per_kwh:
        why = _("%(kwh)s kWh, of which this portal has no price") % {"kwh": used}
        return CostLine(way, None, "", why, "")
    reckoning = f"{used} kWh × {figures(f'{rates.price_per_kwh:g}')} {rates.currency}"
    amount = kwh * rates.price_per_kwh
    return CostLine(way, amount, rates.currency, reckoning, tariff_words(rates))


def _hosted(hours: float, kwh: float, rates: TariffRates) -> CostLine:
    used = figures(f"{kwh:,.1f}")
    return CostLine(
        _("Hosted here, were this portal’s engine such a machine"),
        hours * rates.price_per_hour + kwh * rates.price_per_kwh,
        rates.currency,
        f"{figures(f'{hours:,.1f}')} h × {figures(f'{rates.price_per_hour:g}')} {rates.currency}"
        f" + {used} kWh × {figures(f'{rates.price_per_kwh:g}')} {rates.currency}",
        tariff_words(rates),
    )


def _api_line(price: ListPrice, tokens: int) -> CostLine:
    return CostLine(
        format_html(_("A paid API: {name}"), name=in_language("", price.name)),
        tokens / 1000 * price.price,
        price.currency,
        _("%(count)s thousand × %(price)s %(currency)s")
        % {
            "count": figures(f"{tokens / 1000:,.0f}"),
            "price": figures(f"{price.price:g}"),
            "currency": price.currency,
        },
        _told(price),
    )


def _told(price: ListPrice) -> SafeString:
    """Say where a price was read, in the words of who wrote the list, and when."""
    source = in_language("", price.source) if price.name else price.source  # else our own words
    day = short_date(price.as_of)
    return format_html(_("{source}; as of {day}"), source=source, day=day)


def tariff_words(rates: TariffRates) -> str:
    """Say where this portal's own prices come from, and since when they hold."""
    if rates.tariff is None:
        return _("this portal’s settings, which have no date")
    day = short_date(rates.tariff.valid_from)
    words = _("this portal’s tariff since %(day)s") % {"day": day}
    if not rates.tariff.note:
        return words
    return format_html("{}, {}", words, in_language("", rates.tariff.note))

"""Find the figures of a day, and set those from a day on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from portal.accounts.models import User
from portal.accounts.operating import SET_TARIFFS, require_operator
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import FieldErrors
from portal.jobs.accounting.models import Tariff
from portal.text.lines import as_line, line_errors

MOST_PRICE = Decimal(100_000)
MOST_KG = Decimal(10)
NOTE_LENGTH = 200


@dataclass(frozen=True)
class TariffRates:
    """The figures that jobs of a day are priced with; ``tariff`` is None for the settings'."""

    price_per_hour: float
    price_per_kwh: float
    kg_per_kwh: float
    currency: str
    tariff: Tariff | None = None


def rates_on(day: date) -> TariffRates:
    """Return the figures of a day: of the newest tariff that is valid then, else of settings."""
    tariff = Tariff.objects.filter(valid_from__lte=day).first()
    return _settings_rates() if tariff is None else _rates(tariff)


def _settings_rates() -> TariffRates:
    return TariffRates(
        price_per_hour=settings.ENGINE_PRICE_PER_HOUR,
        price_per_kwh=settings.ENGINE_PRICE_PER_KWH,
        kg_per_kwh=settings.ENGINE_KG_PER_KWH,
        currency=settings.CURRENCY,
    )


def _rates(tariff: Tariff) -> TariffRates:
    return TariffRates(
        price_per_hour=float(tariff.price_per_hour),
        price_per_kwh=float(tariff.price_per_kwh),
        kg_per_kwh=float(tariff.kg_per_kwh),
        currency=tariff.currency,
        tariff=tariff,
    )


@dataclass(frozen=True)
class RatesSince:
    """The rates from a day on; None for those that held from the start."""

    day: date | None
    rates: TariffRates


def rates_between(first: date, after: date) -> list[RatesSince]:
    """Return the rates of the days from the first to the one before ``after``, by their days."""
    days: dict[date, Tariff] = {}
    for tariff in Tariff.objects.filter(valid_from__lt=after).order_by("valid_from", "pk"):
        days[tariff.valid_from] = tariff  # of two that begin on a day the later counts
    begun = [RatesSince(day, _rates(tariff)) for day, tariff in days.items()]
    every = [RatesSince(None, _settings_rates()), *begun]
    ends = [since.day for since in every[1:]] + [after]
    return [since for since, end in zip(every, ends, strict=True) if end is None or end > first]


FIGURES = ("price_per_hour", "price_per_kwh", "kg_per_kwh")


def figures_of(source: Tariff | TariffRates) -> dict[str, str]:
    """Return the three figures as they are typed: exact, without zeros at their end."""
    if isinstance(source, TariffRates) and source.tariff is not None:
        return figures_of(source.tariff)
    return {name: _typed(Decimal(str(getattr(source, name)))) for name in FIGURES}


def _typed(number: Decimal) -> str:
    return f"{number:f}".rstrip("0").rstrip(".") if number % 1 else f"{number:.0f}"


def tariffs_for(operator: User) -> QuerySet[Tariff]:
    """Select all tariffs, the newest first, for operators alone. Raise Forbidden."""
    require_operator(operator, SET_TARIFFS)
    return Tariff.objects.select_related("set_by")


@transaction.atomic
def set_tariff(
    *,
    actor: User,
    valid_from: date,
    price_per_hour: Decimal,
    price_per_kwh: Decimal,
    kg_per_kwh: Decimal,
    note: str = "",
    now: datetime,
) -> Tariff:
    """Set the figures from a day on, today at the earliest. Raise Forbidden, FieldErrors.

    What has been priced stays as it is, so that nobody's bill changes afterwards.
    """
    require_operator(actor, SET_TARIFFS)
    wanted = {"price_per_hour": price_per_hour, "price_per_kwh": price_per_kwh}
    errors = {name: text for name, price in wanted.items() if (text := _remedy(price, MOST_PRICE))}
    if remedy := _remedy(kg_per_kwh, MOST_KG):
        errors["kg_per_kwh"] = remedy
    if valid_from < now.date():
        errors["valid_from"] = "Choose today or a later day: what has been priced stays as it is."
    errors |= line_errors({"note": note})
    if len(note) > NOTE_LENGTH:
        errors["note"] = f"Shorten it to {NOTE_LENGTH} characters."
    if errors:
        raise FieldErrors(errors)
    tariff = Tariff.objects.create(
        valid_from=valid_from,
        **wanted,
        kg_per_kwh=kg_per_kwh,
        currency=settings.CURRENCY,
        note=as_line(note),
        set_by=actor,
        set_at=now,
    )
    record(
        EventType.TARIFF_SET,
        actor=actor,
        target=tariff,
        at=now,
        valid_from=valid_from.isoformat(),
        price_per_hour=str(price_per_hour),
        price_per_kwh=str(price_per_kwh),
        kg_per_kwh=str(kg_per_kwh),
        currency=tariff.currency,
    )
    return tariff


def _remedy(value: Decimal, most: Decimal) -> str:
    """Return what to do about a figure; nothing if it is fine."""
    if value.is_finite() and 0 <= value <= most and value == round(value, 6):
        return ""
    return f"Give a number from 0 to {most:,}, with six decimals at most."

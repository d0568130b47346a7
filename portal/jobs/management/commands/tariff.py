"""List the tariffs that jobs are priced with, and set the figures from a day on."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal.catalog.management.lookups import account_named
from portal.errors import DomainError, FieldErrors
from portal.jobs.accounting.tariffs import TariffRates, figures_of, rates_on, set_tariff
from portal.jobs.models import Tariff

OPTIONS = {
    "valid_from": "--from",
    "price_per_hour": "--per-hour",
    "price_per_kwh": "--per-kwh",
    "kg_per_kwh": "--kg-per-kwh",
    "note": "--note",
}


class Command(BaseCommand):
    help = "List the tariffs that jobs are priced with, or set the figures from a day on."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
        listed = acts.add_parser("list", help="list all, the newest first, and today’s figures")
        listed.add_argument("--json", action="store_true")
        chosen = acts.add_parser("set", help="set the figures from a day on")
        chosen.add_argument("--from", dest="valid_from", required=True, metavar="YYYY-MM-DD")
        chosen.add_argument("--per-hour", required=True, help="price of an hour of the engine")
        chosen.add_argument("--per-kwh", default="0", help="price of a kWh beside that")
        chosen.add_argument("--kg-per-kwh", required=True, help="kg of CO2e of a kWh")
        chosen.add_argument("--note", default="", help="where the figures are from")
        chosen.add_argument("--as", dest="actor", required=True, metavar="USERNAME")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["act"] == "list":
            self._list(is_json=options["json"])
        else:
            self._set(options)

    def _list(self, *, is_json: bool) -> None:
        rows = [_row(tariff) for tariff in Tariff.objects.select_related("set_by")]
        if is_json:
            self.stdout.write(json.dumps(rows, indent=2))
            return
        for row in rows:
            note = f"  {row['note']}" if row["note"] else ""
            self.stdout.write(f"from {row['valid_from']}  {_words(row)}{note}")
        self.stdout.write(f"Today’s: {_today(rates_on(timezone.now().date()))}")

    def _set(self, options: dict[str, Any]) -> None:
        try:
            tariff = set_tariff(
                actor=account_named(options["actor"]),
                valid_from=_day(options["valid_from"]),
                price_per_hour=_number("--per-hour", options["per_hour"]),
                price_per_kwh=_number("--per-kwh", options["per_kwh"]),
                kg_per_kwh=_number("--kg-per-kwh", options["kg_per_kwh"]),
                note=options["note"],
                now=timezone.now(),
            )
        except FieldErrors as error:
            lines = (f"{OPTIONS[name]}: {text}" for name, text in error.errors.items())
            raise CommandError("\n".join(lines)) from error
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"From {tariff.valid_from} on: {_words(_row(tariff))}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--from: {text!r} isn’t a day: write it as 2026-11-01.") from None


def _number(option: str, text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise CommandError(f"{option}: {text!r} isn’t a number: write it as 0.31.") from None


def _row(tariff: Tariff) -> dict[str, str]:
    return {
        "valid_from": tariff.valid_from.isoformat(),
        **figures_of(tariff),
        "currency": tariff.currency,
        "note": tariff.note,
        "set_by": tariff.set_by.username,
        "set_at": tariff.set_at.isoformat(),
    }


def _words(row: dict[str, str]) -> str:
    per_hour, per_kwh = row["price_per_hour"], row["price_per_kwh"]
    prices = f"{per_hour} {row['currency']} per hour, {per_kwh} {row['currency']} per kWh"
    return f"{prices}, {row['kg_per_kwh']} kg CO2e per kWh"


def _today(rates: TariffRates) -> str:
    words = _words(figures_of(rates) | {"currency": rates.currency})
    if rates.tariff is None:
        return f"{words}: those of the settings, WEIGHTGATE_ENGINE_…"
    return f"{words}: those from {rates.tariff.valid_from} on"

"""``manage.py tariff`` lists tariffs and sets one, and says which option is wrong."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from portal.jobs.models import Tariff
from tests.factories.accounts import make_user, the_operator

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = StringIO()
    call_command("tariff", *arguments, stdout=out)
    return out.getvalue()


def set_one(actor=None, **options):
    chosen = {"from": timezone.now().date(), "per-hour": "0.05", "kg-per-kwh": "0.363"} | options
    arguments = [f"--{name}={value}" for name, value in chosen.items()]
    return run("set", *arguments, "--as", (actor or the_operator()).username)


def test_without_any_the_settings_figures_are_listed(settings):
    settings.ENGINE_PRICE_PER_HOUR, settings.ENGINE_PRICE_PER_KWH = 3.5, 0.25
    settings.ENGINE_KG_PER_KWH, settings.CURRENCY = 0.4, "CHF"
    assert run("list").strip() == (
        "Today’s: 3.5 CHF per hour, 0.25 CHF per kWh, 0.4 kg CO2e per kWh: "
        "those of the settings, WEIGHTGATE_ENGINE_…"
    )
    assert json.loads(run("list", "--json")) == []


def test_one_is_set_and_listed():
    day = timezone.now().date().isoformat()
    said = set_one(**{"per-kwh": "0.310", "note": "Grid 2026"})
    assert said.strip() == (
        f"From {day} on: 0.05 EUR per hour, 0.31 EUR per kWh, 0.363 kg CO2e per kWh"
    )
    assert f"0.363 kg CO2e per kWh: those from {day} on" in run("list")
    [row] = json.loads(run("list", "--json"))
    assert row["note"] == "Grid 2026"
    assert row["price_per_kwh"] == "0.31"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param({"from": "1.1.2027"}, "--from: '1.1.2027' isn’t a day", id="no-day"),
        pytest.param({"from": "2020-01-01"}, "--from: Choose today", id="a-past-day"),
        pytest.param({"per-hour": "cheap"}, "--per-hour: 'cheap' isn’t a number", id="no-number"),
        pytest.param({"kg-per-kwh": "363"}, "--kg-per-kwh: Give a number", id="grams"),
    ],
)
def test_a_wrong_option_is_named(options, says):
    with pytest.raises(CommandError, match=says):
        set_one(**options)
    assert not Tariff.objects.exists()


def test_others_than_operators_are_refused():
    with pytest.raises(CommandError, match="operators"):
        set_one(actor=make_user())

"""Operators list tariffs and set one on a page, which says beside each field what is wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from portal.jobs.models import Tariff
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db
URL = "jobs:tariffs"


@pytest.fixture
def operator():
    return make_user(superuser=True)


@pytest.fixture
def page(client, operator):
    client.force_login(operator)
    return client


def sent(**changed):
    figures = {"price_per_hour": "3.60", "price_per_kwh": "0.31", "kg_per_kwh": "0.363"}
    day = timezone.now().date().isoformat()
    return {"valid_from": day, **figures, "note": "Grid 2026", **changed}


def test_without_any_the_settings_figures_fill_the_form(page, settings):
    settings.ENGINE_PRICE_PER_HOUR, settings.ENGINE_KG_PER_KWH = 3.5, 0.4
    text = " ".join(page.get(reverse(URL)).text.split())
    assert "3.5 EUR per hour of the engine" in text
    assert "by the settings" in text
    assert 'name="price_per_hour" value="3.5"' in text
    assert 'name="kg_per_kwh" value="0.4"' in text


def test_one_is_set_and_listed_with_its_day_and_who_set_it(page, operator):
    assert page.post(reverse(URL), sent()).url == reverse(URL)
    tariff = Tariff.objects.get()
    assert (tariff.set_by, tariff.note) == (operator, "Grid 2026")
    text = " ".join(page.get(reverse(URL)).text.split())
    for said in ("Holds now", "0.31 EUR", "3.6 EUR", "0.363", "Grid 2026", operator.name):
        assert said in text


def test_a_later_day_is_to_come(page):
    day = (timezone.now() + timedelta(days=3)).date().isoformat()
    page.post(reverse(URL), sent(valid_from=day))
    assert "To come" in page.get(reverse(URL)).text


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("valid_from", "2020-01-01", "today or a later day"),
        ("valid_from", "soon", "give a day"),
        ("price_per_hour", "cheap", "give a number"),
        ("price_per_kwh", "-1", "from 0 to"),
        ("kg_per_kwh", "363", "from 0 to 10"),
        ("kg_per_kwh", "0.12345678", "six decimals"),
        ("note", "x" * 201, "200"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(page, field, value, says):
    refused = page.post(reverse(URL), sent(**{field: value}))
    assert refused.status_code == 422
    errors = refused.context["form"].errors
    assert set(errors) == {field}
    assert says in " ".join(errors[field])
    assert not Tariff.objects.exists()


def test_a_long_list_asks_no_more_of_the_database(page):
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert page.get(reverse(URL)).status_code == 200
        return len(captured)

    page.post(reverse(URL), sent())
    one = queries()
    for _ in range(30):
        page.post(reverse(URL), sent())
    assert queries() == one
    assert page.get(reverse(URL)).text.count("Grid 2026") == 25


def test_others_are_told_that_it_is_for_operators(client):
    client.force_login(make_user())
    for refused in (client.get(reverse(URL)), client.post(reverse(URL), sent())):
        assert refused.status_code == 403
        assert "Only the operators of this site may set tariffs" in refused.text
    assert not Tariff.objects.exists()

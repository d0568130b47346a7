"""The planner's figures: prices with days and sources, estimates that are worked out again."""

from __future__ import annotations

from datetime import date

import pytest
from django.conf import settings

from inference.plan import GPUS
from portal.parsing.price_list import read_price_list
from portal.site.planner.comparison import FACTS
from portal.site.planner.energy import ESTIMATES, SEVENTH
from portal.site.planner.history import family_of_2022
from tests.factories.accounts import make_user

PRICE = """
[[{table}]]
name = "a100-80"
price = {price}
currency = "EUR"
as_of = {as_of}
source = "{source}"
"""


def price(**changes: str) -> str:
    shown = {"table": "gpu_hour", "price": "1.9", "as_of": "2026-11-30", "source": "us"} | changes
    return PRICE.format(**shown)


def test_estimates_that_state_their_inputs_are_worked_out_again():
    recomputed = [estimate for estimate in ESTIMATES if estimate.recomputed]
    assert len(recomputed) == 2
    for estimate in recomputed:
        assert estimate.recomputed.kwh / 1000 == pytest.approx(estimate.megawatt_hours, abs=0.5)
        assert estimate.recomputed.kg_co2e / 1000 == pytest.approx(estimate.tonnes, abs=0.5)


def test_every_estimate_and_fact_names_a_work():
    quotes = [estimate.by for estimate in ESTIMATES]
    quotes += [getattr(fact, name) for fact in FACTS for name in ("tokens", "hardware", "access")]
    assert all(quote.works for quote in quotes)


def test_a_seventh_is_one_of_several():
    assert [round(ratio.value, 1) for ratio in SEVENTH] == [6.7, 7.4, 4.0, 4.0, 3.6]


@pytest.mark.django_db
def test_the_gates_of_2022():
    family = {size.name: size for size in family_of_2022(make_user())}
    assert len(family) == 9
    assert family["opt-175b"].gate == "review"
    assert {size.gate for name, size in family.items() if name != "opt-175b"} == {"open"}
    assert family["opt-66b"].gate_label == "Open from June"
    assert all(size.story.works for size in family.values())


def test_the_list_that_comes_with_weightgate_has_the_planners_gpus():
    prices = settings.PLANNER_PRICES
    assert {item.name for item in prices.gpu_hours} <= set(GPUS)
    assert prices.of_gpu("a100-80").as_of == date(2026, 11, 9)
    assert prices.of_gpu("abacus") is None
    assert prices.thousand_tokens


WRONG = [
    ("[[gpu_hour]", "no TOML"),
    ("gpu_hour = 3", "two brackets"),
    (price(table="gpu_day"), "gpu_day isn’t known"),
    (price(price="-1"), "gpu_hour 1: price must be from 0"),
    (price(price="nan"), "price must be a number"),
    (price(price="true"), "price must be a number"),
    (price(as_of='"2026-11-30"'), "as_of must be a day without quotes"),
    (price(source=""), "source must be text"),
    (price() + price(source=" " * 400), "gpu_hour 2: source must be text"),
]


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_a_list_that_lacks_something_says_what(tmp_path, text, words):
    path = tmp_path / "prices.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=words):
        read_price_list(path)


def test_a_list_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="can’t be read"):
        read_price_list(tmp_path / "none.toml")


def test_a_list_of_ones_own_is_read(tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text(price() + price(table="thousand_tokens"), "utf-8")
    prices = read_price_list(path)
    assert prices.of_gpu("a100-80").price == 1.9
    assert prices.thousand_tokens[0].currency == "EUR"

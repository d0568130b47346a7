"""A visitor plans a model on their own GPUs, follows a crash to the curve, and reads a month."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.checks import expect_open_to_all, overflows

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("live"), pytest.mark.timeout(300)]


def test_gpus_of_ones_own_are_planned_and_what_is_wrong_stands_by_its_field(new_page) -> None:
    page = new_page(bypass_csp=True)
    page.goto("/planner")
    page.get_by_label("Model", exact=True).select_option("opt-6.7b")
    page.get_by_label("GPUs", exact=True).select_option("mine")
    page.get_by_role("button", name="Plan").click()
    expect(page.get_by_role("alert")).to_contain_text("need your attention")
    for label, value in (
        ("Number", "2"),
        ("Memory of each, GB", "24"),
        ("Memory bandwidth, GB/s", "936"),
        ("fp16, dense TFLOP/s", "71"),
        ("Power of each, W", "350"),
    ):
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_role("button", name="Plan").click()
    expect(page.get_by_role("heading", name="OPT-6.7B fits 2 × your GPU")).to_be_visible()
    expect(page).to_have_url(re.compile("machine=mine.*gpus=2"))
    expect_open_to_all(page)


def test_an_entry_of_the_logbook_leads_to_the_curve_and_back(new_page) -> None:
    page = new_page()
    page.goto("/example-lab/opt-175b?kind=crash#logbook")
    page.get_by_role("link", name="On the curve").first.click()
    expect(page.locator("#curve .plot .chosen")).to_have_count(1)
    page.locator("#curve .plot .chosen").click()
    expect(page).to_have_url(re.compile(r"#entry-\d+$"))
    expect(page.locator("li:target")).to_contain_text("Crash")


def test_another_month_is_a_choice_away(new_page) -> None:
    page = new_page()
    page.goto("/transparency")
    page.get_by_role("combobox", name="Month").select_option(index=5)
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", level=2).first).to_contain_text("made for this demo")
    expect_open_to_all(page)


@pytest.mark.parametrize("path", ["/planner", "/transparency", "/example-lab/opt-175b#logbook"])
def test_on_a_phone_the_tables_behind_charts_scroll_and_the_page_does_not(new_page, path) -> None:
    page = new_page(width=360)
    page.goto(path)
    tables = page.locator(".chart > details")
    assert tables.count() > 0
    tables.evaluate_all("(all) => all.forEach((details) => { details.open = true; })")
    expect(tables.last.get_by_role("table")).to_be_visible()
    assert overflows(page) == []

"""An operator checks the installation, and what is found is open to all and fits a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.checks import expect_open_to_all

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("live"), pytest.mark.timeout(300)]


def test_what_was_found_is_open_to_all(new_page) -> None:
    page = new_page(role="operator", bypass_csp=True)
    page.goto("/operators/checks")
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_role("button", name="Check again")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("status")).to_contain_text("1 fault to mend")  # it is a demo
    expect_open_to_all(page)

"""A click gives what the table of files offers; who may not have it is told what to do."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import fill_in_who_signs_in
from tests.live import Live

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("live"), pytest.mark.timeout(300)]
SHARD = "model-00001-of-"


def downloaded(page: Page, file: str) -> bytes:
    with page.expect_download() as started:
        page.locator("#files").get_by_role("link", name=file, exact=True).click()
    return Path(started.value.path()).read_bytes()


def test_a_click_on_a_gated_file_brings_its_bytes(live: Live, new_page) -> None:
    page = new_page(role="approved")
    page.goto(f"/{live.demo['repos']['gated']}#files")
    row = page.locator("#files tr", has_text=SHARD).first
    expect(row).to_contain_text("Open to you")
    sums = dict(
        reversed(line.split("  ", 1))
        for line in downloaded(page, "SHA256SUMS").decode().splitlines()
    )
    name = row.get_by_role("link").inner_text()
    assert hashlib.sha256(downloaded(page, name)).hexdigest() == sums[name]
    expect(page).to_have_url(f"{live.base_url}/{live.demo['repos']['gated']}#files")


def test_who_may_not_have_it_reads_a_page_with_the_next_step(live: Live, new_page) -> None:
    repo = live.demo["repos"]["gated"]
    page = new_page(role="newcomer")
    response = page.goto(f"/{repo}/resolve/main/config.json")
    assert response is not None
    assert response.status == 403
    expect(page.get_by_role("heading", level=1)).to_contain_text("given on request")
    page.get_by_role("link", name="Request access").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert "/requests/" in page.url


def test_who_is_not_signed_in_comes_back_to_the_files(live: Live, new_page) -> None:
    repo = live.demo["repos"]["gated"]
    page = new_page()
    page.goto(f"/{repo}/resolve/main/config.json")
    page.get_by_role("main").get_by_role("link", name="Sign in").click()
    fill_in_who_signs_in(page, live.account("approved"))
    page.wait_for_url(f"**/{repo}#files")
    assert downloaded(page, "config.json").startswith(b"{")

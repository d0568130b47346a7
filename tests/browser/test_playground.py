"""A hosted model answers in a browser with the same text as by program, for all who may."""

from __future__ import annotations

import re

import pytest
from openai import OpenAI
from playwright.sync_api import Page, expect

from tests.browser.checks import expect_open_to_all
from tests.live import Live

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("live"), pytest.mark.timeout(300)]
PROMPT = "def main():\n    "
# Keep all that the page says of its job, some of it for a moment alone.
NOTE_WORDS = """() => {
  const status = document.querySelector("#result [role=status]");
  window.said = [];
  const note = () => window.said.push(status.textContent);
  new MutationObserver(note).observe(status, { childList: true });
}"""


def run(page: Page, **typed: str) -> None:
    for label, text in typed.items():
        page.get_by_label(label.replace("_", " ").capitalize()).fill(text)
    page.get_by_role("button", name="Run").first.click()
    expect(page.get_by_role("status")).to_contain_text("ended by")


def written(page: Page) -> str:
    """Return the completion without its prompt, and without the words' notes."""
    text: str = page.locator(".out").evaluate(
        """(out) => {
          const copy = out.cloneNode(true);
          copy.querySelectorAll(".given, .lp, .tip").forEach((node) => node.remove());
          return copy.textContent;
        }"""
    )
    return text


@pytest.mark.parametrize("shown", [True, False])
def test_a_prompt_of_two_lines_gives_what_it_gives_a_program(
    live: Live, new_page, shown: bool
) -> None:
    account = live.account("approved")
    client = OpenAI(base_url=f"{live.base_url}/v1", api_key=account["token"])
    completion = client.completions.create(
        model=live.demo["hosted_model"], prompt=PROMPT, max_tokens=12, temperature=0
    )
    page = new_page(role="approved")
    page.goto("/playground")
    page.get_by_label("Show log-probabilities").set_checked(shown)
    run(page, Prompt=PROMPT, Tokens_at_most="12", Temperature="0")
    assert written(page) == completion.choices[0].text
    assert page.locator(".out .lp").count() == (page.locator(".out .tok").count() if shown else 0)
    assert "\\r" not in page.get_by_role("region", name="curl").inner_text()


def start(page: Page, **typed: str) -> None:
    page.goto("/playground")
    for label, text in typed.items():
        page.get_by_label(label.replace("_", " ").capitalize()).fill(text)
    page.get_by_role("button", name="Run").first.click()
    page.wait_for_url(re.compile(r"/playground/[0-9a-f-]{36}"))


def test_a_line_that_is_lost_is_said_and_found_again(live: Live, new_page) -> None:
    page = new_page(role="approved")
    status = page.locator("#result [role=status]")
    with live.stopped("worker"):
        start(page, Prompt=PROMPT, Tokens_at_most="8")
        expect(status).to_contain_text("next in line")
        page.evaluate(NOTE_WORDS)
        live.kill("web")
        expect(status).to_contain_text("next in line")
    assert "the line is lost" in page.evaluate("() => window.said.join(' ')")
    expect(status).to_contain_text("ended by")


def test_the_inside_is_looked_at_by_head_and_token(live: Live, new_page) -> None:
    page = new_page(role="approved")
    page.goto("/playground")
    page.get_by_label("Look inside").check()
    run(page, Prompt=PROMPT, Tokens_at_most="6", Temperature="0")
    expect(page.get_by_role("heading", name="Inside the model")).to_be_visible()
    page.get_by_label("Layer", exact=True).select_option("0")
    page.get_by_label("Head", exact=True).select_option("1")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("Where head 1 of layer 0 looks")).to_be_visible()
    word = page.locator(".attended .tok").nth(2)
    word.click()
    expect(page.locator(".attended .tok").nth(2)).to_have_attribute("aria-current", "true")
    expect(page.get_by_role("table").filter(has_text="as written").first).to_be_visible()
    expect_open_to_all(page)


def test_who_waits_tries_it_out_of_the_quota_of_who_waits(live: Live, new_page) -> None:
    page = new_page(role="waiting")
    page.goto(f"/{live.demo['repos']['gated']}")
    page.get_by_role("link", name="Try it while you wait").last.click()
    expect(page.get_by_label("Show log-probabilities")).to_have_count(0)
    expect(page.get_by_text("of 2,000 tokens")).to_be_visible()
    run(page, Prompt="import ", Tokens_at_most="4")
    expect(page.get_by_text("drawn for this run")).to_be_visible()

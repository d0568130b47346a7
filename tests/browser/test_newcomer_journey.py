"""From signing up to the first token of a completion, in one browser beside the reviewer's."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

import pytest
from playwright.sync_api import Page, expect

from tests.browser.checks import expect_open_to_all
from tests.live import Live

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("live"),
    pytest.mark.timeout(600),
]

NAME = "Ada Newcomer"
ANSWERS_MS = 60_000  # the engine may be busy with others' prompts


def test_from_signing_up_to_a_completion(live: Live, new_page) -> None:
    model = f"/{live.demo['repos']['gated']}"
    newcomer = new_page()
    sign_up(newcomer, model)
    confirm_address(newcomer)
    expect(newcomer).to_have_url(f"{live.base_url}{model}")
    begin_and_return(newcomer, model)
    finish_the_form(newcomer)
    request_path = submit(newcomer)
    live.undo_within(minutes=0)
    approve(new_page(role="reviewer"), request_path)
    newcomer.goto(request_path)
    expect(newcomer.get_by_role("heading", name="Your access is open")).to_be_visible()
    make_token(newcomer)
    complete(newcomer)


def sign_up(page: Page, model: str) -> None:
    page.goto(model)
    page.get_by_role("complementary").get_by_role("link", name="Create an account").click()
    username = f"ada-{secrets.token_hex(4)}"
    page.get_by_label("Full name").fill(NAME)
    page.get_by_label("E-mail").fill(f"{username}@example.edu")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password", exact=True).fill(f"a few plain words {username}")
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_role("heading", name="Check your mail.")).to_be_visible()


def confirm_address(page: Page) -> None:
    page.get_by_role("link", name="Mail of this demo").click()
    page.get_by_role("link", name="/accounts/confirm-email/").first.click()
    page.get_by_role("button", name="Confirm the address").click()
    expect(page.get_by_role("button", name=NAME)).to_be_visible()


def begin_and_return(page: Page, model: str) -> None:
    """Begin a request and come back: the draft is kept, and the first missing answer has focus."""
    page.goto(model)
    page.get_by_role("complementary").get_by_role("link", name="Request access").click()
    page.get_by_role("button", name="Begin the request").click()
    expect(page.get_by_label("Full name")).to_have_value(NAME)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Organization", exact=True).fill("Example University")
    page.get_by_role("button", name="Save and leave").click()
    page.goto(model)
    page.get_by_role("complementary").get_by_role("link", name="Continue").click()
    expect(page.get_by_label("Organization", exact=True)).to_have_value("Example University")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator(".summary-error")).to_be_focused()
    expect(page).to_have_title(re.compile("^Error: "))


def finish_the_form(
    page: Page, *, name: str = NAME, questions: Mapping[str, str] | None = None
) -> None:
    page.get_by_label("Country you work in").select_option("NL")
    page.get_by_label("Academia").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("What question do you want to answer?").fill("How does it forget?")
    page.get_by_label("What will you publish or release?").fill("A paper and its code.")
    page.get_by_role("button", name="Continue").click()
    for mode in ("Download", "Hosted inference"):
        page.get_by_label(mode).check()
    page.get_by_label("What compute do you have?").fill("One workstation.")
    for question, answer in (questions or {}).items():
        page.get_by_label(question).fill(answer)
    page.get_by_role("button", name="Continue").click()
    for box in page.get_by_role("main").get_by_role("checkbox").all():
        box.check()
    page.get_by_label("For myself").check()
    page.get_by_label("Type your full name").fill(name)
    page.get_by_role("button", name="Sign and continue").click()


def submit(page: Page) -> str:
    expect(page.get_by_role("heading", name="Check, then submit")).to_be_visible()
    page.get_by_role("button", name="Submit request").click()
    page.wait_for_url(re.compile(r"/requests/\d+$"))
    expect(page.get_by_role("complementary", name="This request")).to_contain_text(
        "With the reviewers"
    )
    return "/requests/" + page.url.rpartition("/")[2]


def approve(page: Page, request_path: str) -> None:
    page.goto("/queue")
    number = request_path.rpartition("/")[2]
    page.get_by_role("main").locator(f"a[href^='/queue/{number}']").filter(
        has_text=NAME
    ).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(NAME)
    page.get_by_role("group", name="Decision").get_by_role("button", name="Approve").click()
    dialog = page.get_by_role("dialog", name=re.compile("Approve"))
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Approve and open next").click()
    expect(page.get_by_role("main")).to_be_visible()


def make_token(page: Page) -> None:
    """Shown once: the page that lists it afterwards doesn't have it."""
    page.get_by_role("main").get_by_role("link", name="Make a token").click()
    page.get_by_label("Name").fill("laptop")
    for scope in ("Download", "Infer"):
        page.get_by_label(scope).check()
    page.get_by_role("button", name="Make the token").click()
    secret = page.locator("#secret").inner_text()
    assert secret.startswith("wg_")
    page.goto("/tokens")
    expect(page.get_by_role("main")).to_contain_text("laptop")
    assert secret not in page.content()


def complete(page: Page) -> None:
    page.goto("/playground")
    page.get_by_label("Prompt").fill("def main():")
    page.get_by_role("button", name="Run").click()
    words = page.locator(".out .tok")
    expect(words).not_to_have_count(0, timeout=ANSWERS_MS)  # the first may be a line break
    expect(page.locator("#result [role=status]")).to_contain_text(
        re.compile(r"\d+ tokens?"), timeout=ANSWERS_MS
    )
    assert words.count() > 1


@pytest.mark.parametrize("step", ["you", "organization", "research", "access", "licence", "check"])
def test_each_step_of_the_form_has_no_barrier(step: str, live: Live, new_page) -> None:
    page = new_page(role="newcomer", bypass_csp=True)
    page.goto(f"/{live.demo['repos']['gated']}")
    act = page.get_by_role("complementary").get_by_role("link", name=re.compile("Request|Conti"))
    act.click()
    if "/requests/new/" in page.url:
        expect_open_to_all(page)
        page.get_by_role("button", name="Begin the request").click()
    page.goto(re.sub(r"/form/.*", f"/form/{step}", page.url))
    expect_open_to_all(page)

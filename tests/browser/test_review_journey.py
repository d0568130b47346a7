"""One case from both sides: asked, corrected, approved, taken back, approved on a condition."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_newcomer_journey import (
    NAME,
    begin_and_return,
    confirm_address,
    finish_the_form,
    sign_up,
    submit,
)
from tests.live import Live

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("live"),
    pytest.mark.timeout(600),
]

QUESTION = "Which checkpoints will you compare?"
CORRECTED = "A paper, its code and every prompt."


def test_a_question_a_correction_an_undo_and_a_signed_offer(live: Live, new_page) -> None:
    model = f"/{live.demo['repos']['gated']}"
    newcomer, reviewer = new_page(), new_page(role="reviewer")
    sign_up(newcomer, model)
    confirm_address(newcomer)
    begin_and_return(newcomer, model)
    finish_the_form(newcomer)
    request_path = submit(newcomer)
    case_path = request_path.replace("/requests/", "/queue/")

    live.undo_within(minutes=0)
    claim_and_ask(reviewer, case_path)
    answer_and_correct(newcomer, request_path)
    see_the_difference(reviewer, case_path)
    live.undo_within(minutes=10)
    approve_and_undo(reviewer, case_path)
    live.undo_within(minutes=0)
    approve_without_logits(reviewer, case_path)
    take_up_the_offer(newcomer, request_path)
    download_the_certificate(newcomer)


def claim_and_ask(page: Page, case_path: str) -> None:
    page.goto(case_path)
    page.get_by_role("button", name="Claim").click()
    expect(page.get_by_text("Claimed by you", exact=True)).to_be_visible()
    decide(page, "Ask")
    dialog = page.get_by_role("dialog", name=re.compile("Ask"))
    dialog.get_by_role("textbox").fill(QUESTION)
    dialog.get_by_role("button", name="Send").click()
    page.goto(case_path)
    expect(page.get_by_role("main")).to_contain_text("Question asked")


def answer_and_correct(page: Page, request_path: str) -> None:
    page.goto(request_path)
    expect(page.get_by_role("main")).to_contain_text(QUESTION)
    page.get_by_role("link", name="Correct your answers as well").click()
    page.get_by_label("What will you publish or release?").fill(CORRECTED)
    page.get_by_label("Your answer").fill("The first and the last.")
    page.get_by_role("main").get_by_role("button", name="Send").click()
    expect(page.get_by_role("complementary", name="This request")).to_contain_text(
        "With the reviewers"
    )


def see_the_difference(page: Page, case_path: str) -> None:
    page.goto(case_path)
    changes = page.get_by_role("region", name="Changes")
    expect(changes).to_contain_text("every prompt")
    expect(changes.locator("del")).not_to_have_count(0)
    expect(changes.locator("ins")).not_to_have_count(0)


def approve_and_undo(page: Page, case_path: str) -> None:
    page.goto(case_path)
    decide(page, "Approve")
    approve_in(page)
    page.get_by_role("button", name="Undo").click()
    page.goto(case_path)
    expect(page.get_by_role("group", name="Decision")).to_be_visible()


def approve_without_logits(page: Page, case_path: str) -> None:
    page.goto(case_path)
    decide(page, "Approve")
    dialog = page.get_by_role("dialog", name=re.compile("Approve"))
    dialog.locator("summary", has_text=re.compile(r"^\s*Conditions")).click()
    dialog.get_by_label("Generated text only").check()
    approve_in(page)


def decide(page: Page, how: str) -> None:
    page.get_by_role("group", name="Decision").get_by_role("button", name=how).click()


def approve_in(page: Page) -> None:
    dialog = page.get_by_role("dialog", name=re.compile("Approve"))
    dialog.get_by_role("button", name="Approve and open next").click()
    expect(page.get_by_role("status").filter(has_text="approved")).to_be_visible()


def take_up_the_offer(page: Page, request_path: str) -> None:
    """Sign the offer: a condition is new to the applicant, so it binds once they have signed."""
    page.goto(request_path)
    page.get_by_role("main").get_by_role("link", name="Read the terms and sign").click()
    expect(page.get_by_role("region", name="The terms")).to_contain_text("Generated text only")
    for box in page.get_by_role("main").get_by_role("checkbox").all():
        box.check()
    page.get_by_label("For myself").check()
    page.get_by_label("Type your full name").fill(NAME)
    page.get_by_role("main").get_by_role("button", name="Sign and open the access").click()
    expect(page.get_by_role("complementary", name="This grant")).to_contain_text("Active")


def download_the_certificate(page: Page) -> None:
    link = page.get_by_role("link", name="Certificate of your signature")
    answer = page.request.get(str(link.get_attribute("href")))
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.body().startswith(b"%PDF-")

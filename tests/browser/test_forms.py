"""Forms in a real browser lose what is typed to no session, dialog or broken line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from portal.access.models import AccessRequest, Note, Question
from portal.accounts.models import User
from tests.factories.access import make_draft, make_request
from tests.factories.accounts import LONG_AGO, make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_administrator
from tests.factories.jobs import make_guest, make_hosted, tiny_model

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

PASSWORD = "a few plain words"
TEXT = "Which checkpoints, and what for?"
PATIENCE_MS = 10_000
Open = Callable[..., Page]


@pytest.fixture(scope="module", autouse=True)
def _beside_playwright() -> Iterator[None]:
    """Let Django reach the database though Playwright's loop runs in this thread."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture
def open_page(browser: Browser, live_server: LiveServer) -> Iterator[Open]:
    """Open a page by ``open_page(person, path)``; ``scripts=False`` for a browser without any."""
    contexts: list[BrowserContext] = []

    def opened(person: User, path: str, *, scripts: bool = True) -> Page:
        context = browser.new_context(base_url=live_server.url, java_script_enabled=scripts)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        context.add_cookies([session_of(person, live_server.url)])
        page = context.new_page()
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()


def session_of(person: User, url: str) -> dict[str, str]:
    person.set_password(PASSWORD)
    person.save()
    client = Client()
    client.force_login(person)
    return {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": url}


def sign_in(page: Page, person: User) -> None:
    page.get_by_label("Username or e-mail").fill(person.username)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


@pytest.fixture
def cases(live_server: LiveServer) -> list[AccessRequest]:
    repo = make_repo()
    return [make_request(repo, now=LONG_AGO + timedelta(days=day)) for day in range(2)]


@pytest.fixture
def reviewer(cases: list[AccessRequest]) -> User:
    return make_reviewer(cases[0].repo)


@pytest.fixture
def draft(cases: list[AccessRequest]) -> AccessRequest:
    return make_draft(cases[0].repo, make_user())


def press_ask(page: Page) -> None:
    page.get_by_role("group", name="Decision").get_by_role("button", name="Ask").click()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_question_outlives_the_session(open_page, cases, reviewer, scripts) -> None:
    page = open_page(reviewer, f"/queue/{cases[0].pk}?who=nobody", scripts=scripts)
    press_ask(page)
    page.get_by_label("Your question").fill(TEXT)
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Send the question").click()
    sign_in(page, reviewer)
    expect(page.get_by_text("Nothing was sent.")).to_be_visible()
    if scripts:
        expect(page.get_by_label("Your question")).to_have_value(TEXT)
    else:
        expect(page.get_by_label("Text", exact=True)).to_have_value(TEXT)
        page.get_by_label("Your question").fill(TEXT)
    page.get_by_role("button", name="Send the question").click()
    page.wait_for_url(re.compile(rf"/queue/{cases[1].pk}[?]who=nobody$"))
    assert Question.objects.get().text == TEXT


def test_a_dialog_holds_the_focus_and_what_is_typed(open_page, cases, reviewer) -> None:
    page = open_page(reviewer, f"/queue/{cases[0].pk}")
    page.keyboard.press("q")
    question = page.get_by_label("Your question")
    expect(question).to_be_focused()
    question.fill(TEXT)
    page.mouse.click(5, 5)  # beside it
    expect(question).to_be_visible()
    for _ in range(8):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('dialog, body').id || 'body'") in (
            "ask",
            "body",  # the browser's own controls come between the last field and the first
        )
    page.get_by_role("button", name="Cancel").focus()
    page.keyboard.press("j")  # keys rest while a dialog is open
    expect(question).to_have_value(TEXT)
    page.keyboard.press("Escape")
    expect(question).to_be_hidden()
    page.keyboard.press("j")
    page.wait_for_url(re.compile(rf"/queue/{cases[1].pk}$"))
    page.keyboard.press("k")
    page.wait_for_url(re.compile(rf"/queue/{cases[0].pk}$"))
    page.keyboard.press("q")
    expect(page.get_by_label("Your question")).to_have_value(TEXT)


def test_closed_it_gives_the_focus_back(open_page, cases, reviewer) -> None:
    page = open_page(reviewer, f"/queue/{cases[0].pk}")
    note = page.get_by_role("button", name="Note")
    note.click()
    page.keyboard.press("Escape")
    expect(note).to_be_focused()


def test_a_refused_field_in_a_closed_group_is_shown(open_page, tmp_path) -> None:
    page = open_page(make_guest(make_hosted(tiny_model(tmp_path / "model"))), "/playground")
    group = page.locator("details", has_text="More sampling settings")
    group.locator("summary").click()
    field = page.get_by_label("Min-p")
    field.fill("1.5")
    group.locator("summary").click()
    expect(field).to_be_hidden()
    page.get_by_label("Prompt").fill(TEXT)
    page.get_by_role("button", name="Run").click()
    expect(field).to_be_focused()


def test_a_double_click_sends_once(open_page, cases, reviewer) -> None:
    page = open_page(reviewer, f"/queue/{cases[0].pk}")
    page.get_by_role("button", name="Note").click()
    page.get_by_label("Private note").fill(TEXT)
    page.get_by_role("button", name="Save note").dblclick()
    expect(page.get_by_role("region", name="Team")).to_contain_text(TEXT)
    assert Note.objects.count() == 1


def test_autosave_says_when_nothing_is_kept_and_goes_on_after_signing_in(open_page, draft) -> None:
    page = open_page(draft.applicant, f"/requests/{draft.pk}/form/research")
    question = page.get_by_label("What question do you want to answer?")
    page.context.clear_cookies(name="sessionid")
    question.fill(TEXT)
    status = page.locator("#kept")
    expect(status).to_contain_text("Not saved: sign in again.")
    with page.expect_popup() as opened:
        status.get_by_role("link", name="Sign in").click()
    sign_in(opened.value, draft.applicant)
    opened.value.wait_for_url(f"**/requests/{draft.pk}/form/research")
    opened.value.close()
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(status).to_contain_text("Draft saved")
    draft.refresh_from_db()
    assert TEXT in draft.draft.values()


def test_a_draft_survives_a_lost_session_and_a_broken_line(open_page, draft) -> None:
    page = open_page(draft.applicant, f"/requests/{draft.pk}/form/research")
    question = page.get_by_label("What question do you want to answer?")
    page.context.set_offline(True)
    question.fill(TEXT)
    expect(page.locator("#kept")).to_contain_text("Not saved:")
    page.context.set_offline(False)
    page.reload()
    expect(question).to_have_value(TEXT)
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Continue").click()
    sign_in(page, draft.applicant)
    expect(question).to_have_value(TEXT)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_back_leads_to_each_preview(open_page, cases, scripts) -> None:
    administrator = make_administrator(cases[0].repo)
    page = open_page(administrator, f"/gates/{cases[0].repo.full_name}/form/new", scripts=scripts)
    for label in ("Which data?", "Which data, and whose?"):
        page.get_by_label("Question", exact=True).fill(label)
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_role("heading", name="Preview", exact=True)).to_be_visible()
    for go in (page.go_back, page.go_forward, page.reload):
        go()
        # A browser gives back what was typed over a preview as well: the second label.
        expect(page.get_by_label("Question", exact=True)).to_have_value("Which data, and whose?")
        expect(page.get_by_role("heading", name="Preview", exact=True)).to_be_visible()


def test_a_folded_group_that_was_put_back_is_open(open_page, cases, reviewer) -> None:
    path = f"/queue/{cases[0].pk}"
    page = open_page(reviewer, path)
    page.keyboard.press("a")
    page.get_by_text("Conditions the applicant").click()
    page.get_by_label("Only these files").fill("*.json")
    page.keyboard.press("Escape")
    page.goto("/queue")
    page.goto(path)
    page.keyboard.press("a")
    expect(page.get_by_label("Only these files")).to_be_visible()
    expect(page.get_by_label("Only these files")).to_have_value("*.json")
    expect(page.locator("#approve details[open]")).to_have_count(1)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(f"{cases[0].reference} approved, on conditions.")).to_be_visible()


def test_what_is_hidden_is_not_seen_without_scripts(open_page, reviewer) -> None:
    page = open_page(reviewer, "/tokens", scripts=False)
    page.get_by_label("Name").fill("cluster")
    page.get_by_label("Download", exact=False).first.check()
    page.get_by_role("button", name="Make the token").click()
    expect(page.locator("[data-copy]")).to_have_count(1)
    expect(page.locator("[data-copy]")).to_be_hidden()
    seen = "[...document.querySelectorAll('[hidden]')].filter((node) => node.offsetParent).length"
    assert page.evaluate(seen) == 0

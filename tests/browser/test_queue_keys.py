"""A reviewer's day by keyboard: fifty cases, the list, and the dialogs that keep what is typed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from portal.access.models import AccessRequest, Assignment, Note
from portal.accounts.models import User
from portal.formatting import months_after, whole_date
from tests.browser.every_page.test_in_the_browser import context_of, errors_of
from tests.factories.access import make_proved_request, make_request
from tests.factories.catalog import make_repo, make_reviewer
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(600),
]
MANY, MOST_PRESSES = 50, 105
FOCUSED = (
    "() => document.activeElement.matches('h1, a, button') && document.activeElement.innerText"
)


@pytest.fixture(scope="module", autouse=True)
def _beside_playwrights_loop() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@dataclass
class Keyboard:
    """A page that one drives by keys, which are counted; a chord is one press."""

    page: Page
    presses: int = 0

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.presses += 1

    def sends(self, key: str) -> None:
        """Press a key that leads to another page, and wait for it."""
        with self.page.expect_navigation():
            self.press(key)

    @property
    def focus(self) -> str:
        """Return the words of the head, link or button that has the focus."""
        return " ".join(str(self.page.evaluate(FOCUSED)).split())


@pytest.fixture
def reviewer(transactional_db: None) -> User:
    return make_reviewer(make_repo(undo_minutes=10))


@pytest.fixture
def keyboard(browser: Browser, live_server: LiveServer, reviewer: User) -> Iterator[Keyboard]:
    context = context_of(reviewer, browser, live_server.url, scripts=True)
    page = context.new_page()
    errors = errors_of(page)
    yield Keyboard(page)
    context.close()
    assert errors == []


def repo_of(reviewer: User):
    return reviewer.team_memberships.get().repo


def test_fifty_clean_cases_take_few_key_presses(keyboard: Keyboard, reviewer: User) -> None:
    with transaction.atomic():
        cases = [make_proved_request(repo_of(reviewer)) for _ in range(MANY)]
    keyboard.page.goto("/queue?view=clear")
    keyboard.sends("s")
    for number, case in enumerate(cases, start=1):
        expect(keyboard.page.get_by_text(f"1 of {MANY + 1 - number}", exact=True)).to_be_visible()
        if number > 1:
            assert case.applicant.display_name in keyboard.focus, "on the head of the next case"
        keyboard.press("a")
        keyboard.sends("Control+Enter")
    assert AccessRequest.objects.filter(state="approved").count() == MANY
    assert keyboard.presses <= MOST_PRESSES
    expect(keyboard.page.get_by_role("heading", name="Queue")).to_be_focused()


def test_the_list_is_walked_claimed_and_left_by_keys(keyboard: Keyboard, reviewer: User) -> None:
    with transaction.atomic():
        first, second = (make_request(repo_of(reviewer)) for _ in range(2))
    page = keyboard.page
    page.goto("/queue")
    keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("claim or hand back")
    keyboard.press("Escape")
    keyboard.press("j")
    keyboard.press("ArrowDown")
    assert second.applicant.display_name in keyboard.focus
    keyboard.sends("c")
    assert Assignment.objects.get(ended_at=None).request == second
    assert second.applicant.display_name in keyboard.focus, "in the row, as before"
    keyboard.press("k")
    assert first.applicant.display_name in keyboard.focus
    outside = page.locator('tr[data-row]:not([aria-current]) :is(a, button, input)[tabindex="0"]')
    expect(outside).to_have_count(0)


def test_rows_stay_as_dense_as_they_were_made(keyboard: Keyboard, reviewer: User) -> None:
    with transaction.atomic():
        make_request(repo_of(reviewer))
    page = keyboard.page
    page.goto("/queue")
    page.get_by_role("button", name="Compact rows").click()
    page.goto("/queue?view=new")
    expect(page.locator("table.queue.compact")).to_be_visible()
    expect(page.get_by_role("button", name="Compact rows", pressed=True)).to_be_visible()


def test_a_dialog_holds_the_focus_and_keeps_what_is_typed(
    keyboard: Keyboard, reviewer: User
) -> None:
    with transaction.atomic():
        case = make_request(repo_of(reviewer))
        other = make_request(repo_of(reviewer))
    page = keyboard.page
    page.goto(f"/queue/{case.pk}")
    keyboard.press("q")
    dialog = page.get_by_role("dialog", name="Ask the applicant")
    page.keyboard.type("Which data?")
    for _ in range(8):
        keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.matches('dialog *, body')")
    keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.mouse.click(5, 300)
    keyboard.sends("j")
    expect(page).to_have_url(f"{page.url.split('/queue')[0]}/queue/{other.pk}")
    keyboard.sends("k")
    keyboard.press("q")
    expect(dialog.get_by_role("textbox")).to_have_value("Which data?")


def test_a_lost_session_loses_nothing(
    keyboard: Keyboard, reviewer: User, live_server: LiveServer
) -> None:
    with transaction.atomic():
        case = make_request(repo_of(reviewer))
    page = keyboard.page
    page.goto(f"/queue/{case.pk}")
    keyboard.press("n")
    page.keyboard.type("Read with another.")
    cookies = page.context.cookies()
    page.context.clear_cookies(name="sessionid")
    keyboard.sends("Control+Enter")
    assert "/accounts/login" in page.url
    page.context.add_cookies([cookie for cookie in cookies if cookie["name"] == "sessionid"])
    page.goto(f"/queue/{case.pk}")
    keyboard.press("n")
    expect(page.get_by_label("Private note")).to_have_value("Read with another.")
    keyboard.sends("Control+Enter")
    wait_until(lambda: Note.objects.exists(), 5, "the note")
    assert keyboard.focus.startswith("Note"), "on the button that opens the next one"


def test_a_last_day_is_chosen_and_said_in_words(keyboard: Keyboard, reviewer: User) -> None:
    with transaction.atomic():
        case = make_request(repo_of(reviewer))
    page = keyboard.page
    page.goto(f"/queue/{case.pk}")
    keyboard.press("a")
    dialog = page.get_by_role("dialog", name="Approve")
    for months in (12, 3):
        dialog.get_by_role("button", name=f"{months} months").click()
        day = months_after(timezone.localdate(), months)
        expect(dialog.get_by_label("Until", exact=True)).to_have_value(day.isoformat())
        expect(dialog.locator("output")).to_have_text(whole_date(day))


def test_one_half_of_the_form_for_many_is_open_at_a_time(
    keyboard: Keyboard, reviewer: User
) -> None:
    with transaction.atomic():
        for _ in range(2):
            make_proved_request(repo_of(reviewer))
    page = keyboard.page
    page.goto("/queue")
    page.get_by_label("Select all of these rows").check()
    page.get_by_role("button", name="Decide selected").click()
    expect(page.get_by_role("group", name="To approve")).to_be_hidden()
    page.get_by_label("Decline").check()
    expect(page.get_by_role("group", name="To decline")).to_be_visible()
    page.get_by_label("Approve").check()
    expect(page.get_by_role("group", name="To decline")).to_be_hidden()
    page.get_by_label("Download").check()
    page.get_by_role("button", name="12 months").click()
    page.get_by_role("button", name="See what will happen").click()
    page.get_by_role("button", name="Approve 2 requests").click()
    expect(page.get_by_role("heading", name="What became of 2 requests")).to_be_focused()
    page.get_by_role("button", name="Undo 2 decisions").click()
    expect(page.get_by_text("2 decisions undone; no mail was sent.")).to_be_visible()

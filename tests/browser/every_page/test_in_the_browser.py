"""Every page in a browser: no barrier, no fault, nothing cut off or lost in any look."""

from __future__ import annotations

from collections import defaultdict

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from portal.accounts.models import User
from tests.browser.checks import (
    SIZES,
    overflows_at,
    serious_barriers,
    vanished_in_forced_colours,
)
from tests.browser.every_page.visits import Visit, visits
from tests.browser.every_page.world import Portal

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("beside_playwrights_loop"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(600),
]
UNSEEN_BUTTONS = """() => [...document.querySelectorAll("main form")]
  .filter((form) => !form.closest("dialog, [popover], [hidden], details:not([open])"))
  .filter((form) => form.closest(".tabbed > section")?.checkVisibility() ?? true)
  .filter((form) => ![...form.elements].some((field) =>
    field.matches("button:not([type=button]), [type=submit]") && field.checkVisibility()))
  .map((form) => form.outerHTML.slice(0, 120))"""


def test_every_page_is_for_everybody(
    shown_portal: Portal, browser: Browser, live_server: LiveServer
) -> None:
    by_person: dict[User | None, list[Visit]] = defaultdict(list)
    for visit in visits(shown_portal):
        by_person[visit.person].append(visit)
    faults: list[str] = []
    for person, pages in by_person.items():
        with_forms: list[Visit] = []
        context = context_of(person, browser, live_server.url, scripts=True)
        page = context.new_page()
        errors = errors_of(page)
        for visit in pages:
            faults += [f"{visit}: {fault}" for fault in [*look_at(page, visit), *errors]]
            errors.clear()
            if page.locator("main form").count():
                with_forms.append(visit)
        context.close()
        context = context_of(person, browser, live_server.url, scripts=False)
        page = context.new_page()
        for visit in with_forms:
            faults += look_without_scripts(page, visit)
        context.close()
    assert faults == []


def context_of(person: User | None, browser: Browser, url: str, *, scripts: bool) -> BrowserContext:
    context = browser.new_context(
        base_url=url, java_script_enabled=scripts, bypass_csp=scripts, reduced_motion="reduce"
    )
    if person is not None:
        client = Client()
        client.force_login(person)
        name = settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": url}])
    return context


def errors_of(page: Page) -> list[str]:
    """Return a list to which the errors of the page's scripts are added from now on."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.extend([line.text] * (line.type == "error")))
    return errors


def look_at(page: Page, visit: Visit) -> list[str]:
    """List what is wrong with a page: wide, in large text, on a small phone, in forced colours."""
    wrong: list[str] = []
    response = page.goto(visit.path)
    if response is None or response.status != 200:
        return [str(response and response.status)]
    for size in SIZES:
        wrong += [f"{element}, {size}" for element in overflows_at(page, size)]
    return [*wrong, *vanished_in_forced_colours(page), *serious_barriers(page)]


def look_without_scripts(page: Page, visit: Visit) -> list[str]:
    page.goto(visit.path)
    return [f"{visit}, no button to be seen: {form}" for form in page.evaluate(UNSEEN_BUTTONS)]


def test_in_forced_colours_a_bar_without_a_border_is_missed(browser: Browser) -> None:
    bar = "display: block; width: 9px; height: 9px; background: red"
    page = browser.new_page()
    page.set_content(
        f'<main><i id="lost" style="{bar}"></i><i style="{bar}; border: 1px solid"></i>'
        f'<i style="{bar}; forced-color-adjust: none"></i></main>'
    )
    assert len(vanished_in_forced_colours(page)) == 1
    page.close()

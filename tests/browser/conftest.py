"""A real browser against the really running demo."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright._impl._driver import compute_driver_executable
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, sync_playwright

from tests.live import Live

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 20_000
NewPage = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium for one module: Playwright's event loop would hinder async tests beside it."""
    require_browser()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


def require_browser() -> None:
    """Skip a test where a browser, or the node that Playwright brings, can't be started."""
    if not CHROMIUM.exists():
        pytest.skip("needs Debian's chromium: apt-get install chromium")
    node, *_ = compute_driver_executable()
    if subprocess.run([node, "--version"], capture_output=True, check=False).returncode:
        pytest.skip("Playwright's node does not start: apt-get install libatomic1")


@pytest.fixture(scope="module")
def signed_in(browser: Browser, live: Live) -> Callable[[str], StorageState | None]:
    """Return a function that gives a role's cookies, signed in once for the module."""
    states: dict[str, StorageState] = {}

    def state_of(role: str) -> StorageState | None:
        if not role:
            return None
        if role not in states:
            context = browser.new_context(base_url=live.base_url)
            sign_in(context.new_page(), live.account(role))
            states[role] = context.storage_state()
            context.close()
        return states[role]

    return state_of


@pytest.fixture
def new_page(browser: Browser, live: Live, signed_in: Any) -> Iterator[NewPage]:
    """``new_page(role="approved", width=360, theme="dark")``; each in a context of its own.

    The test fails on a script error, and on anything that the content policy blocks.
    """
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def open_page(
        *, role: str = "", width: int = 1280, theme: str = "light", bypass_csp: bool = False
    ) -> Page:
        context = browser.new_context(
            base_url=live.base_url,
            viewport={"width": width, "height": 900},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
            storage_state=signed_in(role),
            bypass_csp=bypass_csp,
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
        page.on("console", lambda message: problems.extend(_blocked(page, message.text)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def _blocked(page: Page, text: str) -> list[str]:
    return [f"{page.url}: {text}"] if re.search("Content Security Policy", text) else []


@pytest.fixture
def page(new_page: NewPage) -> Page:
    return new_page()


def sign_in(page: Page, account: dict[str, str]) -> None:
    page.goto("/accounts/login/")
    fill_in_who_signs_in(page, account)


def fill_in_who_signs_in(page: Page, account: dict[str, str]) -> None:
    """Fill in the sign-in page, wherever that leads back to."""
    page.get_by_label("Username or e-mail").fill(account["username"])
    page.get_by_label("Password", exact=True).fill(account["password"])
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/accounts/login" not in url)

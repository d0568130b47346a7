"""Every page, wide and narrow, light and dark: open to all, and nothing cut off."""

from __future__ import annotations

import pytest

from tests.browser.checks import expect_open_to_all
from tests.live import Live

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("live"),
    pytest.mark.timeout(600),
]

PAGES = [
    ("/", ""),
    ("/?q=nothing-like-it", ""),
    ("/{gated}", ""),
    ("/{gated}", "newcomer"),
    ("/{gated}#files", "approved"),
    ("/{gated}#licence", ""),
    ("/{gated}#use", "approved"),
    ("/{gated}#logbook", ""),
    ("/{licence}", "newcomer"),
    ("/{open}", ""),
    ("/licences/noncommercial-research/1.0", ""),
    ("/demo/mail", ""),
    ("/nobody/nothing", ""),
    ("/inbox", "approved"),
    ("/inbox", "newcomer"),
    ("/requests", "approved"),
    ("/requests", "newcomer"),
    ("/sign/{licence}", "newcomer"),
    ("/queue", "reviewer"),
    ("/tokens", "approved"),
    ("/tokens", "newcomer"),
    ("/affiliations", "approved"),
    ("/affiliations", "newcomer"),
    ("/profile", "reviewer"),
    ("/playground", "approved"),
    ("/playground", "newcomer"),
    ("/jobs", "approved"),
    ("/accounts/login/", ""),
    ("/accounts/signup/", ""),
    ("/accounts/password/reset/", ""),
    ("/accounts/email/", "approved"),
    ("/accounts/password/change/", "approved"),
]
FOLLOWED = [
    ("/inbox", "approved", "main a[href^='/inbox/']"),
    ("/requests", "approved", "main a[href^='/requests/']"),
    ("/requests", "applicant", "main a[href^='/requests/']"),
    ("/queue", "reviewer", "main a[href^='/queue/']"),
]


@pytest.mark.parametrize(("path", "role"), PAGES)
def test_a_page_has_no_barrier(path: str, role: str, live: Live, new_page) -> None:
    page = new_page(role=role, bypass_csp=True)
    page.goto(path.format(**live.demo["repos"]))
    expect_open_to_all(page)


@pytest.mark.parametrize(("path", "role", "link"), FOLLOWED)
def test_what_a_list_leads_to_has_no_barrier(path: str, role: str, link: str, new_page) -> None:
    page = new_page(role=role, bypass_csp=True)
    page.goto(path)
    page.goto(str(page.locator(link).first.get_attribute("href")))
    expect_open_to_all(page)


def test_sections_of_a_model_open_without_scripts(live: Live, new_page) -> None:
    page = new_page()
    page.goto(f"/{live.demo['repos']['gated']}")
    for name in ("Files", "Licence", "Use", "Logbook", "Card"):
        page.get_by_role("navigation", name="Sections of this model").get_by_role(
            "link", name=name
        ).click()
        assert page.locator(f"#{name.lower()}").is_visible()
        assert page.locator(".tabbed > section:visible").count() == 1


def test_the_theme_chosen_in_the_footer_stays(new_page) -> None:
    page = new_page()
    page.goto("/")
    page.get_by_role("button", name="Dark").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.goto("/demo/mail")
    assert page.locator("html").get_attribute("data-theme") == "dark"

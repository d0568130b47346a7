"""Every page, wide and narrow, light and dark: open to all, and nothing cut off."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.checks import expect_open_to_all, faults_of
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
    ("/access", "approved"),
    ("/access?view=requests", "approved"),
    ("/downloads", "approved"),
    ("/downloads", "newcomer"),
    ("/access", "newcomer"),
    ("/sign/{licence}", "newcomer"),
    ("/queue", "reviewer"),
    ("/queue?group=organization", "reviewer"),
    ("/queue?q=nothing-like-it", "reviewer"),
    ("/{gated}", "reviewer"),
    ("/{gated}", "waiting"),
    ("/{gated}", "offered"),
    ("/gates/{gated}", "reviewer"),
    ("/gates/{gated}/form", "reviewer"),
    ("/gates/{gated}/form/new", "reviewer"),
    ("/gates/{gated}/form/earlier_work", "reviewer"),
    ("/{gated}/settings", "operator"),
    ("/{gated}/settings/delete", "operator"),
    ("/labs/example-lab/models", "operator"),
    ("/labs/example-lab/models/new", "operator"),
    ("/labs/example-lab/licences", "operator"),
    ("/labs/example-lab/licences/new", "operator"),
    ("/gates/{gated}/letters", "reviewer"),
    ("/gates/{gated}/letters/receipt", "reviewer"),
    ("/screening", "operator"),
    ("/screening/import", "operator"),
    ("/grants/of/{gated}", "reviewer"),
    ("/grants/of/{gated}?view=all", "reviewer"),
    ("/grants/of/{gated}/notice", "reviewer"),
    ("/checks", "reviewer"),
    ("/holds", "reviewer"),
    ("/holds?view=lifted", "reviewer"),
    ("/holds/new", "reviewer"),
    ("/downloads/{gated}", "reviewer"),
    ("/exports/{gated}", "reviewer"),
    ("/access?view=grants", "holder"),
    ("/access?view=grants", "invited"),
    ("/access?view=grants", "newcomer"),
    ("/signatures", "holder"),
    ("/signatures", "newcomer"),
    ("/planner", ""),
    ("/planner?machine=mine", ""),
    ("/transparency", ""),
    ("/record", ""),
    ("/record/storage", "operator"),
    ("/labs", "operator"),
    ("/labs/new", "operator"),
    ("/labs/example-lab", "operator"),
    ("/operators", "operator"),
    ("/operators/people", "operator"),
    ("/operators/gate", "operator"),
    ("/operators/mail", "operator"),
    ("/operators/checks", "operator"),
    ("/{gated}/verify/main", ""),
    ("/tokens", "approved"),
    ("/tokens", "newcomer"),
    ("/affiliations", "approved"),
    ("/affiliations", "newcomer"),
    ("/profile", "reviewer"),
    ("/settings/notifications", "reviewer"),
    ("/playground", "approved"),
    ("/api/v1/docs/", ""),
    ("/api/v1/docs/?q=nothing-has-this", ""),
    ("/api/v1/docs/queue/", "reviewer"),
    ("/playground", "newcomer"),
    ("/jobs", "approved"),
    ("/accounts/login/", ""),
    ("/accounts/signup/", ""),
    ("/accounts/password/reset/", ""),
    ("/accounts/email/", "approved"),
    ("/accounts/password/change/", "approved"),
]
# Where a list leads: each selector is of a link on the page that the one before opened.
REQUEST, CASE, GRANT = "a[href^='/requests/']", "a[href^='/queue/']", "a[href^='/grants/']"
FOLLOWED = [
    ("/inbox", "approved", ["a[href^='/inbox/']"]),
    *[
        ("/access?view=requests", role, [REQUEST])
        for role in ("approved", "applicant", "held", "asked", "appellant", "declined", "late")
    ],
    ("/access", "late", [REQUEST, "a[href$='/correct']"]),
    ("/access", "asked", [REQUEST, "a[href$='/correct']"]),
    *[
        (f"/queue?q={organization}", "reviewer", [CASE])
        for organization in ("Weather", "Listed", "Technology", "Open+University", "Foundation")
    ],
    ("/queue?q=Listed", "reviewer", [CASE, "a[href$='/screening']"]),
    ("/queue?view=decided&q=Speech", "reviewer", [CASE]),
    ("/access?view=grants", "renewing", [GRANT]),
    ("/access?view=grants", "renewing", [GRANT, "a[href$='/renew']"]),
    ("/access?view=grants", "renewing", [GRANT, "a[href$='/close']"]),
    ("/access?view=grants", "former", [GRANT]),
    ("/access?view=grants", "holder", [GRANT]),
    ("/access?view=grants", "holder", [GRANT, "a[href$='/members']"]),
    ("/access?view=grants", "offered", [GRANT, "a[href$='/offer']"]),
    ("/access", "invited", ["a[href^='/memberships/']"]),
    ("/grants/of/{gated}", "reviewer", [GRANT + ":not([href*='/of/'])"]),
    ("/checks", "reviewer", ["a[href^='/checks/']"]),
    ("/holds?view=lifted", "reviewer", ["a[href^='/holds/']:not([href$='/new'])"]),
]


VISITS = [*((path, role, []) for path, role in PAGES), *FOLLOWED]


@pytest.mark.parametrize("role", sorted({role for _, role, _ in VISITS}))
def test_no_page_that_a_role_reads_has_a_barrier(role: str, live: Live, new_page) -> None:
    page = new_page(role=role, bypass_csp=True)
    faults: list[str] = []
    for path, reader, links in VISITS:
        if reader == role:
            page.goto("about:blank")  # an address of the same page would only scroll it
            page.goto(path.format(**live.demo["repos"]))
            for link in links:
                page.goto(str(page.locator(f"main {link}").first.get_attribute("href")))
            faults += faults_of(page)
    assert faults == []


def test_what_is_chosen_in_the_queue_is_tried_before_it_is_decided(live: Live, new_page) -> None:
    page = new_page(role="reviewer", bypass_csp=True)
    page.goto("/queue")
    for box in page.get_by_role("checkbox", name="Select").all()[:2]:
        box.check()
    page.get_by_role("button", name="Decide selected").click()
    expect_open_to_all(page)


def test_on_a_phone_no_name_in_the_queue_wraps(new_page) -> None:
    page = new_page(role="reviewer", width=360)
    page.goto("/queue")
    names = page.locator("td.grow a > bdi:first-child")
    wrapped = names.evaluate_all(
        "(names) => names.filter((name) => name.getClientRects().length > 1)"
        ".map((name) => name.textContent)"
    )
    assert names.count() > 0
    assert wrapped == []


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


def test_the_account_menu_fits_a_small_phone_without_scrolling(live: Live, new_page) -> None:
    page = new_page(role="operator", width=360)
    page.set_viewport_size({"width": 360, "height": 480})
    page.goto("/")
    page.locator("button.me").click()
    menu = page.locator("#me")
    assert menu.evaluate("menu => [menu.scrollHeight - menu.clientHeight, "
                         "menu.scrollWidth - menu.clientWidth]") == [0, 0]  # fmt: skip
    expect(menu.get_by_role("button", name="Sign out")).to_be_in_viewport(ratio=1)


def test_in_forced_colours_one_tab_is_chosen_and_lists_and_quotas_are_seen(
    live: Live, new_page
) -> None:
    page = new_page(role="approved")
    page.emulate_media(forced_colors="active")
    page.goto(f"/{live.demo['repos']['gated']}#files")
    lines = page.locator(".tabs a").evaluate_all(
        "(tabs) => tabs.map((tab) => getComputedStyle(tab).borderBlockEndColor)"
    )
    assert [line != "rgba(0, 0, 0, 0)" for line in lines] == [False, True, False, False, False]
    page.goto("/playground")
    assert page.locator("select").evaluate("(list) => getComputedStyle(list).appearance") == "auto"
    edge = page.locator("meter").evaluate("(meter) => getComputedStyle(meter).outlineStyle")
    assert edge == "solid"


def test_in_the_dark_an_empty_box_looks_empty(new_page) -> None:
    page = new_page(role="approved", theme="dark")
    page.goto("/tokens")
    box = page.get_by_role("checkbox").first
    box.uncheck()
    sheet = page.get_by_label("Name").evaluate("(name) => getComputedStyle(name).backgroundColor")
    assert box.evaluate("(box) => getComputedStyle(box).backgroundColor") == sheet

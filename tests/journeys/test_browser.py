"""A lab opens its gate in the browser, as docs/first-hour.md has it: each person in their own."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PATIENCE_MS, browser, sign_in
from tests.browser.test_newcomer_journey import finish_the_form
from tests.factories.jobs import tiny_model
from tests.journeys.documented import scripts
from tests.journeys.installation import Installation, empty_installation, places

__all__ = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("journeys"), pytest.mark.timeout(600)]
PASSWORD = "a few plain words of mine"
ADA = {"username": "ada", "password": "ada has a long password"}
MODEL = "example-lab/opt-tiny"
QUESTION = "Where will the weights lie?"
TEXT = "Example Research Licence\n\nYou may use the weights for research that you publish.\n"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Installation]:
    with empty_installation(tmp_path) as installation:
        yield installation


def test_from_an_empty_database_to_the_first_download(lab, browser, tmp_path: Path):
    model = tiny_model(tmp_path / "weights")
    began = time.monotonic()
    (set_up,) = scripts("Set up", places(lab))
    made = json.loads(lab.bash(set_up.replace("--no-input", "--no-input --json")))
    lab.start(made["next"]["start"])

    def page_of() -> Page:
        context = browser.new_context(base_url=lab.base_url, reduced_motion="reduce")
        context.set_default_timeout(PATIENCE_MS)
        return context.new_page()

    ada, pia, rita, sam = (page_of() for _ in range(4))
    sign_in(ada, ADA)
    invite(ada, "pia@lab.example", "Publisher")
    join(lab, pia, "Pia Publisher")
    write_licence(pia)
    make_model(pia)
    upload(lab, make_token(pia, "Publish"), model)
    agree(pia)
    ask_a_question(pia)
    open_at_once(pia)
    invite(pia, "rita@lab.example", "Reviewer")
    join(lab, rita, "Rita Reviewer")
    case = request_access(lab, sam)
    read_letter_and_approve(lab, rita, case)
    download(lab, make_token(sam, "Download"))
    print(f"{time.monotonic() - began:.0f} s from an empty database to the first download")


def choose(within: Page | Locator, name: str) -> None:
    """Choose a radio by the words that its label begins with; a hint may follow."""
    within.get_by_role("radio", name=re.compile(f"^{name}")).check()


def invite(page: Page, address: str, role: str) -> None:
    page.goto("/labs/example-lab")
    page.get_by_label("Username or e-mail address").fill(address)
    choose(page, role)
    page.get_by_role("button", name="Give role or invite").click()
    expect(page.get_by_role("main")).to_contain_text(address)


def join(lab: Installation, page: Page, name: str) -> None:
    """Follow the letter of the invitation, make an account, confirm its address, and accept."""
    address = f"{name.split()[0].lower()}@lab.example"
    page.goto(lab.link_in_letter(address, "/invitations/"))
    page.get_by_role("link", name="Create account and go on").click()
    sign_up(lab, page, name, address)
    page.get_by_role("button", name=re.compile("^Accept as")).click()
    expect(page.get_by_role("main")).to_contain_text(re.compile("You are now .* of"))


def sign_up(lab: Installation, page: Page, name: str, address: str) -> None:
    page.get_by_label("Full name").fill(name)
    page.get_by_label("E-mail").fill(address)
    page.get_by_label("Username").fill(name.split()[0].lower())
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_role("heading", name="Check your mail.")).to_be_visible()
    page.goto(lab.link_in_letter(address, "/accounts/confirm-email/"))
    page.get_by_role("button", name="Confirm the address").click()


def write_licence(page: Page) -> None:
    page.goto("/labs/example-lab/licences")
    page.get_by_role("link", name="Write the first licence").click()
    page.get_by_label("Name", exact=True).fill("Example Research Licence")
    page.get_by_label("Short name").fill("example-research")
    page.get_by_label("Version").fill("1.0")
    page.get_by_role("textbox", name="The text").fill(TEXT)
    page.get_by_label("Notice").fill("Released by Example Lab under its research licence.")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name=re.compile("^Publish")).click()
    expect(page).to_have_url(
        re.compile("/licences(#.*)?$")
    )  # the preview has the licence's name too
    expect(page.get_by_role("main")).to_contain_text("Example Research Licence")


def make_model(page: Page) -> None:
    page.goto("/labs/example-lab/models/new")
    page.get_by_label("Name", exact=True).fill("opt-tiny")
    page.get_by_label("Summary").fill("A small OPT.")
    choose(page, "Public")
    page.get_by_role("combobox", name=re.compile("^Licence")).select_option("example-research")
    choose(page.get_by_role("group", name="Download"), "By request")
    choose(page.get_by_role("group", name="Hosted use"), "By request")
    page.get_by_role("button", name="Make the model").click()
    expect(page.get_by_role("main")).to_contain_text(f"hf upload {MODEL}")


def make_token(page: Page, scope: str) -> str:
    page.goto("/tokens")
    page.get_by_label("Name").fill("laptop")
    page.get_by_role("checkbox", name=re.compile(f"^{scope}")).check()
    page.get_by_role("button", name="Make the token").click()
    return page.locator("#secret").inner_text()


def upload(lab: Installation, secret: str, model: Path) -> None:
    environment = {"HF_ENDPOINT": lab.base_url, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": secret}
    lab.bash(f"hf upload {MODEL} {model} .", **environment)


def agree(page: Page) -> None:
    """State by what right the weights are hosted, for which their commit waits."""
    page.goto(f"/{MODEL}")
    page.get_by_role("link", name="Give consent").click()
    page.get_by_role("checkbox", name=re.compile("^I state: I am the licensor")).check()
    page.get_by_role("button", name="Give consent").click()
    expect(page.get_by_role("main")).to_contain_text("Everybody sees this revision now.")


def ask_a_question(page: Page) -> None:
    page.goto(f"/gates/{MODEL}/form")
    page.get_by_role("link", name="Add a question").click()
    page.get_by_label("Question").fill(QUESTION)
    choose(page, "Access")
    page.get_by_role("button", name="Save the question").click()
    expect(page.get_by_role("main")).to_contain_text(QUESTION)


def open_at_once(page: Page) -> None:
    """Leave no minutes in which a decision could be undone, and nothing opens."""
    page.goto(f"/gates/{MODEL}")
    page.get_by_label("Minutes to undo a decision or question").fill("0")
    page.get_by_role("button", name="Save settings").click()


def request_access(lab: Installation, page: Page) -> str:
    """Ask as a stranger; return the address of the case."""
    page.goto(f"/{MODEL}")
    page.get_by_role("complementary").get_by_role("link", name="Create an account").click()
    sign_up(lab, page, "Sam Stranger", "sam@university.example")
    page.goto(f"/{MODEL}")
    page.get_by_role("complementary").get_by_role("link", name="Request access").click()
    page.get_by_role("button", name="Begin the request").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Organization", exact=True).fill("Example University")
    finish_the_form(page, name="Sam Stranger", questions={QUESTION: "On one node."})
    page.get_by_role("button", name="Submit request").click()
    page.wait_for_url(re.compile(r"/requests/\d+$"))
    return "/queue/" + page.url.rpartition("/")[2]


def read_letter_and_approve(lab: Installation, page: Page, case: str) -> None:
    page.goto(lab.link_in_letter("rita@lab.example", case))
    page.get_by_role("group", name="Decision").get_by_role("button", name="Approve").click()
    dialog = page.get_by_role("dialog", name=re.compile("Approve"))
    dialog.get_by_role("button", name="Approve and open next").click()
    expect(page.get_by_role("main")).to_be_visible()


def download(lab: Installation, secret: str) -> None:
    environment = {"HF_ENDPOINT": lab.base_url, "HF_TOKEN": secret}
    printed = lab.bash(
        f"hf download {MODEL} --local-dir ~/downloaded && cd ~/downloaded && "
        "sha256sum -c SHA256SUMS",
        **environment,
    )
    assert printed.count("safetensors: OK") == 2

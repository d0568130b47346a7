"""Pages keep their width with names of any length and script, at any text size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page

from portal.access.models import AccessRequest
from portal.access.review.asking import ask_question
from portal.access.review.assignment import claim_request
from portal.access.review.notes import write_note
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from tests.browser.checks import SIZES, overflows_at
from tests.factories.access import make_grant, make_request
from tests.factories.accounts import LONG_AGO, make_lab, make_user
from tests.factories.affiliations import affiliate, make_organization
from tests.factories.catalog import make_repo, make_revision
from tests.factories.grants import make_administrator, make_hold, make_offer
from tests.factories.reviews import approve, decline

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300),
]
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunter"
NAMES = {"long": f"{LONG} {LONG}", "arabic": "ليلى بنت أحمد", "hebrew": "שרה כהן (Sara)"}
LAB_PAGES = ("", "/models", "/models/new", "/licences", "/collections", "/collections/new")


@dataclass
class World:
    repo: ModelRepo
    reviewer: User
    holder: User
    applicant: User
    publisher: User
    pages: dict[str, list[str]]


def called(name: str) -> User:
    person = make_user()
    person.name = name
    person.save(update_fields=["name"])
    affiliate(person, make_organization(name=f"{name} University"))
    return person


def case_of(repo: ModelRepo, name: str) -> AccessRequest:
    words = f"{name}\n{name * 3}"
    return make_request(
        repo, called(name), organization=name, purpose=words, position=name, outputs=words
    )


@pytest.fixture(scope="module", autouse=True)
def _beside_playwrights_loop() -> Iterator[None]:
    """Let Django use the database in this thread, in which Playwright's loop runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.fixture
def world(transactional_db: None, tmp_path: Path) -> World:
    with transaction.atomic():
        return make_world(tmp_path / "model")


def make_world(folder: Path) -> World:
    repo, now = make_repo(), timezone.now()
    make_revision(repo, folder)
    reviewer = make_administrator(repo)
    User.objects.filter(pk=reviewer.pk).update(name=NAMES["long"])
    reviewer.refresh_from_db()
    opened, decided = [], []
    for name in NAMES.values():
        case = case_of(repo, name)
        claim_request(reviewer=reviewer, request_id=case.pk, now=now)
        write_note(author=reviewer, request_id=case.pk, text=name, now=now)
        opened.append(case)
        decline(case_of(repo, name), reviewer, now, reason_text=name)
        decided.append(case_of(repo, name))
        approve(decided[-1], reviewer, now)
    ask_question(reviewer=reviewer, request_id=opened[0].pk, text=LONG * 2, now=now)
    holder = called(NAMES["long"])
    grant = make_grant(repo, holder, now=LONG_AGO)
    make_offer(repo, opened[1].applicant, now=now)
    hold = make_hold(called(NAMES["long"]), repo, actor=reviewer, now=now)
    name, publisher = repo.full_name, make_user(superuser=True)
    lab = make_lab("l" * 96, publisher=publisher)
    type(lab).objects.filter(pk=lab.pk).update(title="")
    named = make_repo("m" * 96, namespace=lab).full_name
    return World(
        repo,
        reviewer,
        holder,
        opened[0].applicant,
        publisher,
        {
            "publisher": [
                "/",
                f"/{lab.name}",
                f"/{named}",
                f"/{named}/settings",
                f"/{named}/settings/rename",
                f"/{named}/settings/delete",
                f"/{named}/settings/files",
                "/labs",
                *[f"/labs/{lab.name}{page}" for page in LAB_PAGES],
            ],
            "reviewer": [
                "/queue",
                "/queue?group=organization",
                "/queue?view=decided",
                *[f"/queue/{case.pk}" for case in [*opened, *decided]],
                f"/grants/of/{name}?view=all",
                f"/grants/{grant.pk}",
                f"/gates/{name}",
                "/holds",
                f"/holds/{hold.pk}",
                f"/exports/{name}",
                "/profile",
            ],
            "holder": [
                "/access",
                "/access?view=grants",
                f"/grants/{grant.pk}",
                "/signatures",
                "/affiliations",
            ],
            "applicant": [
                f"/requests/{opened[0].pk}",
                "/access?view=requests",
                "/affiliations",
                "/inbox",
            ],
        },
    )


@pytest.fixture
def pages(browser: Browser, live_server: Any, world: World) -> Iterator[Any]:
    contexts = []

    def signed_in(person: User) -> Page:
        client = Client()
        client.force_login(person)
        cookie = {
            "name": settings.SESSION_COOKIE_NAME,
            "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
            "url": live_server.url,
        }
        context = browser.new_context(base_url=live_server.url, bypass_csp=True)
        context.add_cookies([cookie])
        contexts.append(context)
        return context.new_page()

    yield signed_in
    for context in contexts:
        context.close()


def test_no_page_grows_wider_than_the_screen(world: World, pages: Any) -> None:
    wide = {
        f"{address}, {size}": overflowing
        for who, addresses in world.pages.items()
        for page in [pages(getattr(world, who))]
        for address in addresses
        for size, overflowing in measured(page, address)
        if overflowing
    }
    assert wide == {}


def measured(page: Page, address: str) -> Iterator[tuple[str, list[str]]]:
    response = page.goto(address)
    assert response is not None
    assert response.status == 200, address
    for size in SIZES:
        yield size, overflows_at(page, size)

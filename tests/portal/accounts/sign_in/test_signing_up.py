"""Signing up tells a stranger nothing of an address, and one address has one account."""

from __future__ import annotations

import html
import re
import secrets
from functools import partial
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import make_user
from tests.factories.affiliations import give_address
from tests.networks import browser_elsewhere
from tests.racing import WON, race

SIGN_UP = "/accounts/signup/"
SENT = "/accounts/confirm-email/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def email() -> str:
    """Return an address of this test’s own: letters to one are sent every three minutes at most."""
    return f"{secrets.token_hex(4)}@university.example"


@pytest.fixture
def client() -> Client:
    return browser_elsewhere()


def form(email: str, **changed: str) -> dict[str, str]:
    return {
        "name": "Ada Newcomer",
        "email": email,
        "username": "ada",
        "password1": "a few plain words, by Ada",
        **changed,
    }


def confirm_link() -> str:
    link = re.search(r"http://\S+(/accounts/confirm-email/\S+)", OutboxMessage.objects.get().text)
    assert link is not None
    return link[1]


def test_the_answer_is_the_same_for_a_known_address_and_a_new_one(client, email):
    known = make_user(f"known-{secrets.token_hex(4)}")
    fresh = client.post(SIGN_UP, form(email))
    client.cookies.clear()
    taken = client.post(SIGN_UP, form(known.email.upper(), username="other"))
    assert (fresh.status_code, fresh.url) == (taken.status_code, taken.url) == (302, SENT)
    assert set(fresh.cookies) == set(taken.cookies)
    assert "Check your mail." in client.get(taken.url).text
    assert not User.objects.filter(username="other").exists()


def test_the_holder_is_told_by_mail(client):
    known = make_user(f"known-{secrets.token_hex(4)}")
    client.post(SIGN_UP, form(known.email))
    letter = OutboxMessage.objects.get()
    assert (letter.address, letter.subject) == (known.email, "You have an account already")
    assert reverse("account_reset_password") in letter.text


def test_an_address_that_another_account_merely_added_is_free(client, email):
    give_address(make_user(), email, verified=False)
    client.post(SIGN_UP, form(email))
    client.post(confirm_link())
    assert User.objects.get(username="ada").has_verified_email


def test_confirming_in_the_same_browser_signs_in_and_leads_on(client, email):
    client.post(SIGN_UP, form(email, next="/tokens"))
    assert client.get("/tokens").status_code == 302, "nobody is signed in before the proof"
    assert client.post(confirm_link()).url == "/tokens"
    assert client.get("/tokens").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one_account(email):
    def sign_up(racer: int) -> None:
        spelt = email.upper() if racer % 2 else email
        answer = browser_elsewhere().post(SIGN_UP, form(spelt, username=f"ada-{racer}"))
        assert answer.url == SENT

    assert race([partial(sign_up, racer) for racer in range(6)]) == {WON: 6}
    assert User.objects.filter(email__iexact=email).count() == 1


def test_confirming_in_another_browser_leads_on_too(client, email):
    client.post(SIGN_UP, form(email, next="/tokens"))
    other, link = browser_elsewhere(), confirm_link()
    sign_in = other.get(link).url
    login = {"login": "ada", "password": "a few plain words, by Ada"}
    confirm = other.post(sign_in, login).url
    assert confirm == link
    action = re.search(r'action="(/accounts/confirm-email/[^"]+)"', other.get(confirm).text)
    assert action is not None
    assert other.post(html.unescape(action[1])).url == "/tokens"


@pytest.mark.parametrize("page", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_it_leads_to_no_other_site(client, email, page):
    client.post(SIGN_UP, form(email, next=page))
    assert "evil" not in confirm_link()
    link = confirm_link().partition("?")[0] + f"?next={quote(page)}"
    assert client.post(link).url == "/"


def test_the_head_of_a_page_leads_back_to_it(client):
    page = client.get("/transparency?x=1").text
    for door in ("login", "signup"):
        assert f'href="/accounts/{door}/?next=/transparency%3Fx%3D1"' in page
    assert "?next" not in client.get("/accounts/signup/").text
    login = client.get("/accounts/login/?next=/transparency").text
    assert "/accounts/signup/?next=%2Ftransparency" in login

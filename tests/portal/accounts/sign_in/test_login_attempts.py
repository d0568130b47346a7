"""Wrong passwords close an account to the network that they come from, and to no other."""

from __future__ import annotations

import secrets

import pytest
from django.test import Client

from portal.accounts.models import User
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.affiliations import give_address
from tests.networks import browser_elsewhere

pytestmark = pytest.mark.django_db
TOO_MANY = "Too many failed login attempts"
LIMIT = 5


@pytest.fixture
def owner() -> User:
    """Make somebody whose name the counts of earlier tests don’t hold."""
    return make_user(f"owner-{secrets.token_hex(4)}")


def sign_in(browser: Client, login: str, password: str) -> str:
    """Try to sign in; return what the page says, "" where it lets in."""
    answer = browser.post("/accounts/login/", {"login": login, "password": password})
    return "" if answer.status_code == 302 else answer.text


def guess(browser: Client, *logins: str) -> None:
    for login in logins:
        assert TOO_MANY not in sign_in(browser, login, "wrong")


def test_a_name_and_its_addresses_are_one_account(owner):
    stranger = browser_elsewhere()
    second = give_address(owner, "second@lab.example").email
    in_capitals = (owner.username.upper(), owner.email.upper())
    guess(stranger, owner.username, owner.email, second, *in_capitals)
    for login in (owner.username, owner.email, second):
        assert TOO_MANY in sign_in(stranger, login, PASSWORD)


def test_the_owner_comes_in_from_their_own_network(owner):
    guess(browser_elsewhere(), *[owner.username] * LIMIT)
    assert sign_in(browser_elsewhere(), owner.username, PASSWORD) == ""


def test_many_networks_together_are_too_many_except_where_the_owner_is_known(owner, settings):
    fewer = {"login_failed_anywhere": "8/h/key"}
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | fewer
    home = browser_elsewhere()
    assert sign_in(home, owner.username, PASSWORD) == ""
    home.logout()
    for _ in range(2):
        guess(browser_elsewhere(), *[owner.username] * 4)
    assert TOO_MANY in sign_in(browser_elsewhere(), owner.email, PASSWORD)
    assert sign_in(home, owner.email, PASSWORD) == ""


def test_a_right_password_is_not_counted(owner):
    home = browser_elsewhere()
    for _ in range(LIMIT + 1):
        assert sign_in(home, owner.username, PASSWORD) == ""
        home.logout()

"""An account has many addresses: who asks by one downloads by another, if both are proved.

Where the request form and the download are two systems, each with addresses of its own, somebody
who used another address is told that they have no access, long after it was given.
"""

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts.errors import AddressNeeded
from portal.accounts.services.holding import account_of, settle_proof
from tests.factories.accounts import PASSWORD, make_token, make_user
from tests.factories.affiliations import give_address
from tests.portal.world import bearer


@pytest.fixture(autouse=True)
def _fresh_counts():
    cache.clear()


def sign_in(email: str) -> Client | None:
    browser = Client()
    form = {"login": email, "password": PASSWORD}
    answer = browser.post(reverse("account_login"), form)
    is_in = answer.status_code == 302 and "_auth_user_id" in browser.session
    return browser if is_in else None


def token_of(browser: Client) -> str:
    page = reverse("accounts:tokens")
    browser.post(page, {"name": "cluster", "scopes": ["download"], "days": "90"})
    return str(browser.get(page).context["secret"])


def download(client: Client, world, secret: str) -> object:
    answer = client.get(world.url(), headers=bearer(secret))
    if answer.status_code != 302:
        return answer.status_code
    return b"".join(client.get(answer["Location"]))


def test_who_asked_by_one_address_downloads_by_another(client, world):
    asked_by = world.researcher.email
    second = give_address(world.researcher, "second@other-lab.example")
    browser = sign_in(second.email)
    assert browser is not None
    assert second.email != asked_by
    assert download(client, world, token_of(browser)) == world.bytes_of()


def test_an_account_of_the_unproved_address_opens_nothing(client, world):
    """Typing an address of somebody with a grant into a new account is no proof of being them."""
    give_address(world.researcher, "second@other-lab.example", verified=False)
    other = make_user("somebody-else", verified=False)
    EmailAddress.objects.filter(user=other).update(email="second@other-lab.example")
    with pytest.raises(AddressNeeded):
        make_token(other, "download")
    client.force_login(other)
    assert client.get(world.url()).status_code == 401


def test_once_proved_it_is_the_one_account(client, world):
    address = give_address(world.researcher, "second@other-lab.example", verified=False)
    other = make_user("somebody-else", verified=False)
    EmailAddress.objects.filter(user=other).update(email=address.email)
    address.verified = True
    address.save()
    settle_proof(address=address, now=timezone.now())
    assert account_of(address.email) == world.researcher
    assert not EmailAddress.objects.filter(user=other).exists()
    browser = sign_in(address.email)
    assert browser is not None
    assert download(client, world, token_of(browser)) == world.bytes_of()

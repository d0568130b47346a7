"""A person whose mail bounces reads so on every page, and mends it there."""

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from portal.outbox.services import deliver_due, is_bounced, mark_bounced
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(client):
    person = make_user()
    client.force_login(person)
    mark_bounced(address=person.email, reason="550 No <such> user", now=timezone.now())
    return person


def bar(person) -> str:
    return f"Letters to {person.email} come back: 550 No &lt;such&gt; user."


@pytest.mark.parametrize("url", ["/", "/inbox", "/tokens", "/record"])
def test_every_page_says_that_letters_come_back_and_why(client, person, url):
    text = client.get(url).text
    assert bar(person) in text
    assert "Confirm another address" in text


def test_whom_letters_reach_reads_nothing_of_it(client, person):
    client.force_login(make_user())
    assert "come back" not in client.get("/").text
    client.logout()
    assert "come back" not in client.get("/").text


def test_another_address_is_enough(client, person):
    EmailAddress.objects.create(user=person, email="new@lab.example", verified=True)
    assert "come back" not in client.get("/").text
    assert bar(person) in client.get("/inbox").text  # where it can be mended


def test_the_address_is_asked_and_confirmed_by_its_owner(client, person):
    client.post("/inbox/address", {"address": person.email})
    deliver_due(now=timezone.now())
    link = next(word for word in mail.outbox[0].body.split() if "/inbox/address/" in word)
    path = link[link.index("/inbox") :]
    assert person.email in client.get(path).text
    assert is_bounced(person.email)  # looking at it changes nothing
    response = client.post(path, follow=True)
    assert f"Letters are sent to {person.email} again." in response.text
    assert not is_bounced(person.email)


def test_a_link_of_another_account_is_not_found(client, person):
    client.post("/inbox/address", {"address": person.email})
    deliver_due(now=timezone.now())
    link = next(word for word in mail.outbox[0].body.split() if "/inbox/address/" in word)
    client.force_login(make_user())
    assert client.get(link[link.index("/inbox") :]).status_code == 404


def test_confirming_the_address_as_new_clears_it_too(client, person):
    EmailAddress.objects.filter(user=person).update(verified=False)
    key = EmailConfirmationHMAC(EmailAddress.objects.get(user=person)).key
    client.post(reverse("account_confirm_email", args=[key]))
    assert not is_bounced(person.email)

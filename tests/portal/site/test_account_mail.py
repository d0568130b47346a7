"""The mails of the account pages, as they are sent in life: rendered without a request too."""

import re
import secrets

import pytest
from django.core import mail as django_mail

from portal.accounts.models import User
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import make_user
from tests.networks import new_network

pytestmark = pytest.mark.django_db

NEW = {
    "name": "Ada Newcomer",
    "email": "ada@university.example",
    "username": "ada",
    "password1": "a few plain words, by Ada",
}


def only_mail() -> OutboxMessage:
    return OutboxMessage.objects.get()


def test_signing_up_sends_the_link_that_confirms_the_address(client, settings):
    new = NEW | {"email": f"{secrets.token_hex(4)}@university.example"}
    assert client.post("/accounts/signup/", new, REMOTE_ADDR=new_network()).status_code == 302
    letter = only_mail()
    assert letter.subject == "Confirm your address"
    assert f"{settings.SITE_NAME}, {settings.BASE_URL}" in letter.text
    link = re.search(r"http://\S+(/accounts/confirm-email/\S+)", letter.text)
    assert link is not None
    assert "Is this address yours?" in client.get(link[1]).content.decode()
    client.post(link[1])
    assert User.objects.get(username="ada").has_verified_email
    assert django_mail.outbox == []


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("ada@university.example", "Choose a new password"),
        ("nobody@university.example", "There is no account with this address"),
    ],
)
def test_a_forgotten_password_is_answered(client, address, subject):
    make_user("ada")
    client.post("/accounts/password/reset/", {"email": address})
    assert only_mail().subject == subject

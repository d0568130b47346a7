"""Mail goes to another address when one bounces, and back once that is confirmed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.signing import dumps

from portal.accounts.mailboxes import (
    SALT,
    AddressLinkInvalid,
    ask_bounced_address,
    confirm_bounced_address,
    unreachable,
)
from portal.audit.models import AuditEvent
from portal.outbox.models import OutboxMessage
from portal.outbox.services import deliver_due, is_bounced, mark_bounced
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def person():
    return make_user()


def add(person, email: str, *, verified: bool = True) -> None:
    EmailAddress.objects.create(user=person, email=email, verified=verified)


def test_letters_go_to_the_main_address(person):
    add(person, "second@lab.example")
    assert person.letter_address == person.email


def test_letters_avoid_an_address_that_sends_them_back(person, now):
    add(person, "Second@lab.example")
    mark_bounced(address=person.email, reason="gone", now=now)
    assert person.letter_address == "Second@lab.example"
    assert unreachable(person) is None


def test_an_address_that_is_not_proved_is_no_way_out(person, now):
    add(person, "second@lab.example", verified=False)
    mark_bounced(address=person.email.upper(), reason="gone", now=now)
    assert person.letter_address == person.email
    assert (unreachable(person).address, unreachable(person).bounced) == (person.email, "gone")


def test_who_has_proved_none_is_written_to_as_ever():
    person = make_user(verified=False)
    assert person.letter_address == person.email


def test_one_query_tells(person, django_assert_num_queries):
    with django_assert_num_queries(1):
        unreachable(person)


def signed_by_mail(person, now) -> str:
    mark_bounced(address=person.email, reason="gone", now=now)
    assert ask_bounced_address(person=person, address=person.email, now=now)
    deliver_due(now=now)
    return mail.outbox[0].body.partition("/inbox/address/")[2].split()[0]


def test_the_link_that_was_sent_there_clears_it(person, now):
    signed = signed_by_mail(person, now)
    assert confirm_bounced_address(person=person, signed=signed, now=now) == person.email
    assert not is_bounced(person.email)
    assert AuditEvent.objects.filter(type="email.confirmed", actor=person).count() == 1
    confirm_bounced_address(person=person, signed=signed, now=now)  # again changes nothing
    assert AuditEvent.objects.filter(type="email.confirmed").count() == 1


def test_another_account_has_nothing_from_that_link(person, now):
    signed = signed_by_mail(person, now)
    with pytest.raises(AddressLinkInvalid):
        confirm_bounced_address(person=make_user(), signed=signed, now=now)
    assert is_bounced(person.email)


@pytest.mark.parametrize("signed", ["", "x", "a:b:c"])
def test_a_link_that_we_did_not_make_is_refused(person, now, signed):
    with pytest.raises(AddressLinkInvalid):
        confirm_bounced_address(person=person, signed=signed, now=now)


def test_a_link_made_for_something_else_is_refused(person, now):
    signed = dumps([person.pk, person.email], salt="something else")
    with pytest.raises(AddressLinkInvalid):
        confirm_bounced_address(person=person, signed=signed, now=now)


def test_a_link_of_another_shape_is_refused(person, now):
    with pytest.raises(AddressLinkInvalid):
        confirm_bounced_address(person=person, signed=dumps("text", salt=SALT), now=now)


def test_at_most_one_such_mail_an_hour(person, now):
    mark_bounced(address=person.email, reason="gone", now=now)
    for minutes in (0, 1, 59, 60):
        at = now + timedelta(minutes=minutes)
        assert ask_bounced_address(person=person, address=person.email, now=at)
    assert OutboxMessage.objects.filter(kind="address_again").count() == 2


@pytest.mark.parametrize("address", ["stranger@lab.example", ""])
def test_nothing_is_sent_to_an_address_that_is_not_ones_own(person, now, address):
    mark_bounced(address="stranger@lab.example", reason="gone", now=now)
    assert not ask_bounced_address(person=person, address=address, now=now)
    assert not OutboxMessage.objects.exists()


def test_nothing_is_sent_where_nothing_came_back(person, now):
    assert not ask_bounced_address(person=person, address=person.email, now=now)

"""An address that its server refuses for good is marked at once; what may pass is tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.outbox.models import BouncedAddress, OutboxMessage
from portal.outbox.services import (
    clear_bounce,
    deliver_due,
    is_bounced,
    mark_bounced,
    queue_mail,
)
from tests.factories.accounts import make_user
from tests.portal.outbox.mails import ADDRESS, letter_to, queue

pytestmark = pytest.mark.django_db


def delivered(now) -> OutboxMessage:
    queue(now)
    deliver_due(now=now)
    return OutboxMessage.objects.get()


def test_a_server_that_takes_it_marks_nothing(now, postbox):
    assert delivered(now).state == "sent"
    assert postbox.taken == [ADDRESS]
    assert not BouncedAddress.objects.exists()


@pytest.mark.parametrize("answer", ["550 5.1.1 No such user here", "553 Mailbox unknown"])
def test_a_lasting_refusal_marks_the_mail_and_the_address_at_once(now, postbox, answer):
    postbox.refusals[ADDRESS] = answer
    message = delivered(now)
    assert (message.state, message.attempts, message.last_error) == ("bounced", 1, answer)
    bounced = BouncedAddress.objects.get()
    assert (bounced.address, bounced.reason, bounced.at) == (ADDRESS, answer, now)
    assert deliver_due(now=now + timedelta(days=1)) == 0


@pytest.mark.parametrize("answer", ["450 4.2.1 Try later", "451 Greylisted", "452 4.2.2 Full"])
def test_a_refusal_that_may_pass_is_tried_again(now, postbox, answer):
    postbox.refusals[ADDRESS] = answer
    message = delivered(now)
    assert (message.state, message.attempts) == ("queued", 1)
    assert not BouncedAddress.objects.exists()
    postbox.refusals.clear()
    deliver_due(now=message.due_at)
    assert OutboxMessage.objects.get().state == "sent"


@pytest.mark.parametrize(
    "answer", ["530 5.7.0 Authentication required", "554 5.7.1 Relay access denied"]
)
def test_a_server_that_refuses_us_says_nothing_of_the_address(now, postbox, answer):
    postbox.refusals[ADDRESS] = answer
    assert delivered(now).state == "queued"
    assert not BouncedAddress.objects.exists()


def test_a_secret_mail_that_came_back_is_not_kept(now, postbox, settings):
    settings.DEMO = False
    postbox.refusals[ADDRESS] = "550 5.1.1 No such user here"
    queue(now, is_secret=True)
    deliver_due(now=now)
    assert OutboxMessage.objects.get().text == ""


def test_addresses_are_marked_in_lower_case_and_once(now):
    mark_bounced(address="A@University.example", reason="first", now=now)
    mark_bounced(address=ADDRESS, reason="second\r\nline", now=now + timedelta(days=1))
    bounced = BouncedAddress.objects.get()
    assert (bounced.address, bounced.reason, bounced.at) == (ADDRESS, "second line", now)
    assert is_bounced("a@UNIVERSITY.example")


def test_clearing_ends_it_and_a_new_refusal_begins_it_again(now):
    mark_bounced(address=ADDRESS, reason="gone", now=now)
    assert clear_bounce(address="A@university.example", now=now) is True
    assert clear_bounce(address=ADDRESS, now=now) is False
    assert not is_bounced(ADDRESS)
    later = now + timedelta(days=2)
    mark_bounced(address=ADDRESS, reason="gone again", now=later)
    assert BouncedAddress.objects.get().at == later
    assert is_bounced(ADDRESS)


def test_a_letter_to_an_address_that_sends_them_back_is_not_tried(now):
    person = make_user()
    mark_bounced(address=person.email, reason="gone", now=now)
    assert letter_to(person, now).state == "bounced"
    assert deliver_due(now=now) == 0


def test_but_a_mail_that_proves_the_address_goes_out(now):
    mark_bounced(address=ADDRESS, reason="gone", now=now)
    message = queue_mail(
        key="confirm",
        kind="email_confirmation",
        recipient=None,
        address=ADDRESS,
        subject="Confirm",
        text="Link",
        is_secret=True,
        now=now,
    )
    assert message.state == "queued"

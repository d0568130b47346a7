"""A letter that did not arrive is sent once more, but not all day."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress

from portal.audit.models import AuditEvent
from portal.outbox.errors import NoSuchLetter, NotYetSent, ResentTooOften
from portal.outbox.models import OutboxMessage
from portal.outbox.services import cancel_mail, deliver_due, mark_bounced, resend_mail
from tests.factories.accounts import make_user
from tests.portal.outbox.mails import letter_to, queue

pytestmark = pytest.mark.django_db


@pytest.fixture
def person():
    return make_user()


@pytest.fixture
def sent(person, now) -> OutboxMessage:
    letter = letter_to(person, now)
    deliver_due(now=now)
    return letter


def test_the_same_words_go_out_as_a_new_letter(person, sent, now):
    again = resend_mail(actor=person, message_id=sent.pk, now=now)
    assert again.key == "letter-again-1"
    assert (again.subject, again.text, again.html) == (sent.subject, sent.text, sent.html)
    assert (again.state, again.recipient) == ("queued", person)
    assert deliver_due(now=now) == 1
    event = AuditEvent.objects.get(type="mail.resent")
    assert (event.actor, event.data["key"]) == (person, "letter")


def test_one_that_was_sent_again_counts_for_the_first(person, sent, now):
    again = resend_mail(actor=person, message_id=sent.pk, now=now)
    deliver_due(now=now)
    assert resend_mail(actor=person, message_id=again.pk, now=now).key == "letter-again-2"


def test_three_times_a_day_and_no_more(person, sent, now):
    for _ in range(3):
        resend_mail(actor=person, message_id=sent.pk, now=now)
    with pytest.raises(ResentTooOften, match="at most 3 times a day") as caught:
        resend_mail(actor=person, message_id=sent.pk, now=now)
    assert caught.value.status == 429
    tomorrow = now + timedelta(days=1, seconds=1)
    assert resend_mail(actor=person, message_id=sent.pk, now=tomorrow).key == "letter-again-4"


def test_it_goes_to_where_letters_go_now(person, sent, now):
    EmailAddress.objects.create(user=person, email="new@lab.example", verified=True)
    mark_bounced(address=person.email, reason="gone", now=now)
    again = resend_mail(actor=person, message_id=sent.pk, now=now)
    assert again.address == "new@lab.example"


def test_nobody_sends_anothers_letter(sent, now):
    with pytest.raises(NoSuchLetter):
        resend_mail(actor=make_user(), message_id=sent.pk, now=now)


def test_whoever_is_concerned_may(sent, now):
    among = OutboxMessage.objects.filter(key="letter")
    colleague = make_user()
    again = resend_mail(actor=colleague, message_id=sent.pk, among=among, now=now)
    assert again.recipient == sent.recipient
    assert AuditEvent.objects.get(type="mail.resent").actor == colleague


def test_a_secret_is_never_sent_again(person, now):
    secret = queue(now, recipient=person, is_secret=True)
    deliver_due(now=now)
    with pytest.raises(NoSuchLetter):
        resend_mail(actor=person, message_id=secret.pk, now=now)


def test_one_still_on_its_way_waits(person, now):
    letter = letter_to(person, now)
    with pytest.raises(NotYetSent, match="still on its way"):
        resend_mail(actor=person, message_id=letter.pk, now=now)


def test_one_that_was_taken_back_stays_so(person, now):
    letter = letter_to(person, now, due_at=now + timedelta(minutes=10))
    cancel_mail(keys=[letter.key], now=now)
    with pytest.raises(NotYetSent, match="taken back"):
        resend_mail(actor=person, message_id=letter.pk, now=now)


@pytest.mark.django_db(transaction=True)
def test_who_sends_it_at_once_is_counted_one_by_one(person, now, in_a_thread):
    letter = letter_to(person, now)
    deliver_due(now=now)
    attempts = [
        in_a_thread(lambda: resend_mail(actor=person, message_id=letter.pk, now=now))
        for _ in range(6)
    ]
    errors = [attempt.exception(20) for attempt in attempts]
    assert sum(error is None for error in errors) == 3
    assert {type(error) for error in errors if error} == {ResentTooOften}

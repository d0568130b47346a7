"""Mail is written with the change, sent after commit, once unless something broke."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail

from portal.outbox.models import OutboxMessage
from portal.outbox.services import deliver_due, deliver_one
from tests.factories.accounts import make_user
from tests.portal.outbox.mails import letter_to, queue

pytestmark = pytest.mark.django_db


def test_the_same_key_queues_one_mail(now):
    assert queue(now).pk == queue(now).pk


def test_a_due_mail_is_sent_and_marked(now):
    queue(now)
    assert deliver_due(now=now) == 1
    assert mail.outbox[0].to == ["a@university.example"]
    message = OutboxMessage.objects.get()
    assert (message.state, message.sent_at) == ("sent", now)


def test_a_sent_mail_is_not_sent_again(now):
    queue(now)
    deliver_due(now=now)
    assert deliver_due(now=now) == 0
    assert len(mail.outbox) == 1


def test_a_mail_server_that_is_away_costs_no_mail_an_attempt(now, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    queue(now)
    queue(now, key="two")
    for _ in range(settings.MAIL_MAX_ATTEMPTS + 1):
        now += timedelta(days=1)
        assert deliver_due(now=now) == 0  # the second isn't tried, it would wait as long
    first, second = OutboxMessage.objects.order_by("pk")
    assert {(message.state, message.attempts) for message in (first, second)} == {("queued", 0)}
    assert now < max(first.due_at, second.due_at) <= now + timedelta(minutes=1)
    assert first.last_error


def test_a_mail_that_cannot_be_made_holds_up_no_other(now):
    queue(now)
    OutboxMessage.objects.update(address="a@university.example\nBcc: b@elsewhere.example")
    queue(now, key="two")
    assert deliver_due(now=now) == 2
    assert [message.state for message in OutboxMessage.objects.order_by("pk")] == ["queued", "sent"]


def test_it_gives_up_what_the_server_puts_off_again_and_again(now, settings, postbox):
    postbox.refusals[queue(now).address] = "451 Try again later"
    for _ in range(settings.MAIL_MAX_ATTEMPTS):
        now += timedelta(days=1)
        deliver_due(now=now)
    assert OutboxMessage.objects.get().state == "failed"


@pytest.mark.parametrize(("demo", "kept"), [(False, ""), (True, "Text")])
def test_a_mail_with_a_secret_is_dropped_once_sent(now, settings, demo, kept):
    settings.DEMO = demo
    message = queue(now)
    OutboxMessage.objects.update(is_secret=True)
    deliver_due(now=now)
    message.refresh_from_db()
    assert "Text" in mail.outbox[0].body
    assert message.text == kept


def test_a_letter_has_text_and_html_of_one_content(now):
    letter = letter_to(make_user(), now)
    assert "It arrived <safely>." in letter.text
    assert "It arrived &lt;safely&gt;." in letter.html
    for part in (letter.text, letter.html):
        assert "http://127.0.0.1:8000/requests/1" in part
        assert "Example Lab access team" in part


@pytest.mark.django_db(transaction=True)
def test_the_one_in_a_workers_hands_is_passed_over(now, in_a_thread, slow_server):
    queue(now, key="one", subject="one")
    first = in_a_thread(lambda: deliver_one(now=now))
    slow_server.has_one.wait(10)
    assert deliver_one(now=now) is False  # it is due, and yet in other hands
    slow_server.may_go_on.set()
    assert first.result(10) is True
    assert slow_server.taken == ["one"]


@pytest.mark.django_db(transaction=True)
def test_many_mails_go_out_once_each(now, in_a_thread, slow_server):
    slow_server.may_go_on.set()
    names = [f"mail {number}" for number in range(20)]
    for name in names:
        queue(now, key=name, subject=name)
    ends = [in_a_thread(lambda: deliver_due(now=now)) for _ in range(3)]
    assert sum(end.result(20) for end in ends) == 20
    assert sorted(slow_server.taken) == sorted(names)
    assert set(OutboxMessage.objects.values_list("state", flat=True)) == {"sent"}

"""Mail is written with the change, sent after commit, once unless something broke."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail

from portal.outbox.models import OutboxMessage
from portal.outbox.services import deliver_due, queue_letter, queue_mail
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db


def queue(now, key="one"):
    return queue_mail(
        key=key,
        kind="test",
        recipient=None,
        address="a@university.example",
        subject="Hello",
        text="Text",
        now=now,
    )


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


def test_a_mail_server_that_is_away_puts_the_mail_off(now, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    queue(now)
    assert deliver_due(now=now) == 1
    message = OutboxMessage.objects.get()
    assert (message.state, message.attempts) == ("queued", 1)
    assert message.due_at > now
    assert message.last_error


def test_a_mail_that_cannot_be_made_holds_up_no_other(now):
    queue(now)
    OutboxMessage.objects.update(address="a@university.example\nBcc: b@elsewhere.example")
    queue(now, key="two")
    assert deliver_due(now=now) == 2
    assert [message.state for message in OutboxMessage.objects.order_by("pk")] == ["queued", "sent"]


def test_it_gives_up_after_the_last_attempt(now, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    queue(now)
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
    person = make_user()
    letter = queue_letter(
        key="letter",
        kind="receipt",
        recipient=person,
        subject="We have your request",
        paragraphs=["It arrived <safely>."],
        act_label="See your request",
        act_url="http://127.0.0.1:8000/requests/1",
        reference="0001",
        team="Example Lab access team",
        now=now,
    )
    assert "It arrived <safely>." in letter.text
    assert "It arrived &lt;safely&gt;." in letter.html
    for part in (letter.text, letter.html):
        assert "http://127.0.0.1:8000/requests/1" in part
        assert "Example Lab access team" in part

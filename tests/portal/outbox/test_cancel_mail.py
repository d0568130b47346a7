"""A mail that waits can be taken back; one that has gone cannot."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection

from portal.outbox.models import OutboxMessage
from portal.outbox.services import cancel_mail, deliver_due, deliver_one
from tests.factories.accounts import make_user
from tests.portal.outbox.mails import letter_to, queue
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db
UNDO = timedelta(minutes=10)


def states() -> dict[str, str]:
    return dict(OutboxMessage.objects.values_list("key", "state"))


def test_a_mail_waits_until_it_is_due(now):
    queue(now, due_at=now + UNDO)
    assert deliver_due(now=now + UNDO - timedelta(seconds=1)) == 0
    assert deliver_due(now=now + UNDO) == 1
    assert len(mail.outbox) == 1


def test_a_letter_waits_as_well(now):
    assert letter_to(make_user(), now, due_at=now + UNDO).due_at == now + UNDO


def test_a_cancelled_mail_is_never_sent(now):
    queue(now, due_at=now + UNDO)
    assert cancel_mail(keys=["one"], now=now) == 1
    assert deliver_due(now=now + UNDO) == 0
    assert mail.outbox == []
    message = OutboxMessage.objects.get()
    assert (message.state, message.cancelled_at) == ("cancelled", now)


def test_a_beginning_cancels_all_that_share_it_and_no_other(now):
    for key in ("request-1-approval-1", "request-1-receipt", "request-12-receipt", "request_1-x"):
        queue(now, key=key)
    assert cancel_mail(key_prefix="request-1-", now=now) == 2
    assert [key for key, state in states().items() if state == "queued"] == [
        "request_1-x",
        "request-12-receipt",
    ]


def test_a_percent_sign_in_a_beginning_stands_for_itself(now):
    queue(now)
    assert cancel_mail(key_prefix="%", now=now) == 0


def test_what_was_sent_stays_sent(now):
    queue(now)
    deliver_due(now=now)
    assert cancel_mail(keys=["one"], now=now) == 0
    assert states() == {"one": "sent"}


def test_cancelling_again_changes_nothing(now):
    queue(now)
    cancel_mail(keys=["one"], now=now)
    assert cancel_mail(keys=["one"], now=now + UNDO) == 0
    assert OutboxMessage.objects.get().cancelled_at == now


def test_queueing_a_cancelled_key_again_sends_nothing(now):
    queue(now)
    cancel_mail(keys=["one"], now=now)
    queue(now)
    assert deliver_due(now=now) == 0


def test_cancelling_nothing_in_particular_is_a_mistake(now):
    with pytest.raises(ValueError, match="Name the mails"):
        cancel_mail(now=now)


@pytest.mark.django_db(transaction=True)
def test_cancelling_waits_for_the_worker_that_is_sending(now, in_a_thread, slow_server):
    """The worker has the row locked: it goes out, and cancelling says that it was too late."""
    queue(now)
    sending = in_a_thread(lambda: deliver_one(now=now))
    slow_server.has_one.wait(10)
    cancelling = in_a_thread(lambda: cancel_mail(keys=["one"], now=now))
    wait_for_lock()
    slow_server.may_go_on.set()
    assert sending.result(10) is True
    assert cancelling.result(10) == 0
    assert states() == {"one": "sent"}


def wait_for_lock() -> None:
    """Until another connection waits for a row."""

    def waiting() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND wait_event_type = 'Lock'"
            )
            return bool(cursor.fetchone()[0])

    wait_until(waiting)

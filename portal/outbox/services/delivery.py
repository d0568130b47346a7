"""Deliver the mail that is due, at least once."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction

from portal.observability.request_ids import bound_to
from portal.outbox.models import OutboxMessage
from portal.outbox.naming import message_id
from portal.outbox.services.bounces import bounce, lasting_refusal

log = logging.getLogger(__name__)
BATCH = 50


def _send(message: OutboxMessage) -> None:
    mail = EmailMultiAlternatives(
        subject=message.subject,
        body=message.text,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[message.address],
        headers={"Message-ID": message_id(message.key)},
    )
    if message.html:
        mail.attach_alternative(message.html, "text/html")
    mail.send()


def deliver_one(*, now: datetime) -> bool:
    """Send the oldest mail that is due, and return False if there is none.

    The row stays locked while it is sent, so two workers never send the same one at once; a
    crash between sending and commit sends it again.
    """
    with transaction.atomic():
        message = (
            OutboxMessage.objects.select_for_update(skip_locked=True)
            .filter(state=OutboxMessage.State.QUEUED, due_at__lte=now)
            .order_by("due_at", "pk")
            .first()
        )
        if message is None:
            return False
        # Whoever hinted at the work isn't who caused this mail: its log lines have its own id.
        with bound_to(message.http_request_id):
            _try(message, now)
        _forget_secret(message)
        message.save()
    return True


def _try(message: OutboxMessage, now: datetime) -> None:
    """Send a mail and note the result in its row, which the caller has locked and saves."""
    message.attempts += 1
    try:
        _send(message)
    except (OSError, ValueError) as error:  # the server refuses, or a header can't be built
        if words := lasting_refusal(error):
            bounce(message, reason=words, now=now)
        else:
            _put_off(message, error, now)
    else:
        message.state = OutboxMessage.State.SENT
        message.sent_at = now
        log.info("Mail %s was sent: %s", message.pk, message.kind)


def _forget_secret(message: OutboxMessage) -> None:
    """Drop the text of a mail with a secret once it isn't needed.

    A demo keeps it, since its inbox is the only place where such a mail can be read.
    """
    over = message.state != OutboxMessage.State.QUEUED
    if over and message.is_secret and not settings.DEMO:
        message.text = message.html = ""


def _put_off(message: OutboxMessage, error: Exception, now: datetime) -> None:
    log.warning("Mail %s was not taken: %s", message.pk, error)
    message.last_error = str(error)[:500]
    # From half a minute to hours: a server that greylists answers soon, one that is down doesn't.
    message.due_at = now + timedelta(seconds=2**message.attempts * 15)
    if message.attempts >= settings.MAIL_MAX_ATTEMPTS:
        message.state = OutboxMessage.State.FAILED


def deliver_due(*, now: datetime, limit: int = BATCH) -> int:
    """Try to send up to ``limit`` mails that are due, and return how many were tried."""
    tried = 0
    while tried < limit and deliver_one(now=now):
        tried += 1
    return tried

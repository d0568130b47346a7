"""Deliver the mail that is due, at least once."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from smtplib import SMTPAuthenticationError, SMTPConnectError, SMTPException, SMTPHeloError

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction

from portal.observability import metrics, traces
from portal.observability.request_ids import bound_to
from portal.outbox.models import OutboxMessage
from portal.outbox.naming import message_id
from portal.outbox.services.bounces import bounce, lasting_refusal

log = logging.getLogger(__name__)
BATCH = 50
AWAY = timedelta(seconds=30)


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
    """Send the oldest mail that is due; return False if there is none, or the server is away.

    The row stays locked while it is sent, so two workers never send the same one at once; a
    crash between sending and commit sends it again.
    """
    with transaction.atomic():
        message = (
            OutboxMessage.objects.select_for_update(skip_locked=True, no_key=True)
            .filter(state=OutboxMessage.State.QUEUED, due_at__lte=now)
            .order_by("due_at", "pk")
            .first()
        )
        if message is None:
            return False
        # Whoever hinted at the work isn't who caused this mail: its log lines have its own id.
        with (
            bound_to(message.http_request_id),
            traces.continued(f"letter {message.kind}", message.trace_parent),
        ):
            server_is_there = _try(message, now)
        _forget_secret(message)
        message.save()
        transaction.on_commit(metrics.mails.labels(message.state).inc)
    return server_is_there


def _try(message: OutboxMessage, now: datetime) -> bool:
    """Send a mail and note the result in its row, which the caller has locked and saves.

    Return False if the server is away. That isn't the letter's fault, so it isn't given up for it.
    """
    try:
        _send(message)
    except (OSError, ValueError) as error:  # the server refuses, or a header can't be built
        if _is_away(error):
            _wait_for_the_server(message, error, now)
            return False
        message.attempts += 1
        if words := lasting_refusal(error):
            bounce(message, reason=words, now=now)
        else:
            _put_off(message, error, now)
    else:
        message.attempts += 1
        message.state = OutboxMessage.State.SENT
        message.sent_at = now
        log.info("Mail %s was sent: %s", message.pk, message.kind)
    return True


def _is_away(error: OSError | ValueError) -> bool:
    """Tell whether no letter would be taken now: no answer, or none but that we may not come in."""
    if isinstance(error, SMTPException):
        return isinstance(error, SMTPConnectError | SMTPHeloError | SMTPAuthenticationError)
    return isinstance(error, OSError)


def _wait_for_the_server(message: OutboxMessage, error: Exception, now: datetime) -> None:
    log.warning("Mail %s waits, as the mail server is away: %s", message.pk, error)
    message.last_error = str(error)[:500]
    message.due_at = now + AWAY


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
    """Try to send up to ``limit`` mails that are due, and return how many were tried.

    It ends where the server is away: each of the others would wait for it as long.
    """
    tried = 0
    while tried < limit and deliver_one(now=now):
        tried += 1
    return tried

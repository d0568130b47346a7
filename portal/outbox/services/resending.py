"""Send a letter once more to somebody who never got it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from portal.audit.events import EventType
from portal.audit.services import record
from portal.outbox.errors import NoSuchLetter, NotYetSent, ResentTooOften
from portal.outbox.models import OutboxMessage
from portal.outbox.services.queueing import queue_mail

if TYPE_CHECKING:
    from portal.accounts.models import User

State = OutboxMessage.State
MOST_A_DAY = 3
AGAIN = re.compile(r"-again-\d+$")


@transaction.atomic
def resend_mail(
    *,
    actor: User,
    message_id: int,
    among: QuerySet[OutboxMessage] | None = None,
    now: datetime,
) -> OutboxMessage:
    """Queue a letter's text as a new letter, to the address where the recipient's letters go now.

    ``among`` are the letters that the actor may send again, by default their own. A mail with a
    secret link is never sent again: whoever needs one asks for a new link. Raise NoSuchLetter,
    NotYetSent or ResentTooOften.
    """
    letters = OutboxMessage.objects.filter(recipient=actor) if among is None else among
    if not letters.filter(pk=message_id, is_secret=False, recipient__isnull=False).exists():
        raise NoSuchLetter
    original = _original(message_id)
    _require_gone(original)
    again = OutboxMessage.objects.filter(key__startswith=f"{original.key}-again-")
    if again.filter(created_at__gt=now - timedelta(days=1)).count() >= MOST_A_DAY:
        raise ResentTooOften(MOST_A_DAY)
    # A reviewer resends for the lab; one's own letters count towards one's own rate limit.
    sender = actor if among is None else None
    message = _copy(original, number=again.count() + 1, sender=sender, now=now)
    record(
        EventType.MAIL_RESENT,
        actor=actor,
        target=message,
        at=now,
        key=original.key,
        kind=original.kind,
        recipient=original.recipient_id,
    )
    return message


def can_be_resent(message: OutboxMessage) -> bool:
    """Tell whether a page should offer to send a letter again, limits apart."""
    return not message.is_secret and message.state not in (State.QUEUED, State.CANCELLED)


def _original(message_id: int) -> OutboxMessage:
    """Lock the letter that was sent first, so that two who send it again are counted one by one."""
    key = AGAIN.sub("", OutboxMessage.objects.get(pk=message_id).key)
    locked = OutboxMessage.objects.select_for_update(of=("self",), no_key=True).select_related(
        "recipient"
    )
    return locked.get(key=key)


def _require_gone(original: OutboxMessage) -> None:
    if original.state == State.CANCELLED:
        raise NotYetSent(_("This letter was taken back before it went out, so it isn’t sent."))
    if original.state == State.QUEUED:
        raise NotYetSent(_("This letter is still on its way. Wait until it has gone out."))


def _copy(
    original: OutboxMessage, *, number: int, sender: User | None, now: datetime
) -> OutboxMessage:
    recipient = original.recipient
    if recipient is None:
        raise NoSuchLetter
    return queue_mail(
        key=f"{original.key}-again-{number}",
        kind=original.kind,
        recipient=recipient,
        address=recipient.letter_address,
        subject=original.subject,
        text=original.text,
        html=original.html,
        language=original.language,
        sender=sender,
        now=now,
    )

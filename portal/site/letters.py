"""A person's letters, who may resend one, and the layout of their text on a page."""

from __future__ import annotations

import re
from datetime import datetime

from django.conf import settings
from django.db.models import Q, QuerySet

from portal.access.models import AccessRequest
from portal.accounts.models import User
from portal.outbox.models import OutboxMessage

REQUEST_KEY = re.compile(r"request-(\d+)-")


def letters_of(person: User, now: datetime) -> QuerySet[OutboxMessage]:
    """Select the letters to a person that were sent or are due, newest first.

    Secret ones, whose links prove who can read the address, show in a demo alone. One that was
    cancelled before any attempt is left out: it may tell of a decision that was undone.
    """
    is_cancelled = Q(state=OutboxMessage.State.CANCELLED, attempts=0)
    is_sent_or_due = Q(due_at__lte=now) | Q(attempts__gt=0)
    letters = OutboxMessage.objects.filter(is_sent_or_due, recipient=person).exclude(is_cancelled)
    return letters if settings.DEMO else letters.filter(is_secret=False)


def resendable_by(person: User, message_id: int, now: datetime) -> QuerySet[OutboxMessage]:
    """Select the letter if it is the person's own, or to an applicant whose request they review."""
    own_letter = letters_of(person, now).filter(pk=message_id)
    theirs = OutboxMessage.objects.filter(pk=message_id, due_at__lte=now)
    case = case_of(theirs.first(), person)
    return theirs.filter(recipient=case.applicant_id) if case else own_letter


def case_of(letter: OutboxMessage | None, reviewer: User) -> AccessRequest | None:
    """Return the request that a letter is about, if the person reviews it."""
    match = REQUEST_KEY.match(letter.key) if letter else None
    if match is None:
        return None
    case: AccessRequest | None = (
        AccessRequest.objects.readable_by(reviewer).filter(pk=int(match[1])).first()
    )
    return case


def paragraphs(text: str) -> list[str]:
    """Join lines that were wrapped for mail into paragraphs; an address keeps its own line."""
    blocks = text.replace("\r\n", "\n").split("\n\n")
    return [joined for block in blocks if (joined := _join(block))]


def _join(block: str) -> str:
    text = ""
    for line in block.splitlines():
        stands_alone = "://" in line or line.startswith("  ") or text.endswith(":")
        separator = "\n" if stands_alone or "://" in text.rpartition("\n")[2] else " "
        text = f"{text}{separator}{line.strip()}" if text else line.strip()
    return text

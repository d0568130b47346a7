"""A person's letters, who may send one again, and how their text stands on a page."""

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
    """Those that have gone out or tried to. What proves who opens it is for the address alone.

    One that was taken back before anybody tried never was a letter: it may tell of a decision
    that was undone.
    """
    unsent = Q(state=OutboxMessage.State.CANCELLED, attempts=0)
    gone = Q(due_at__lte=now) | Q(attempts__gt=0)
    letters = OutboxMessage.objects.filter(gone, recipient=person).exclude(unsent)
    return letters if settings.DEMO else letters.filter(is_secret=False)


def resendable_by(person: User, message_id: int, now: datetime) -> QuerySet[OutboxMessage]:
    """This letter, if it is the person's own, or to an applicant whose request they review."""
    mine = letters_of(person, now).filter(pk=message_id)
    theirs = OutboxMessage.objects.filter(pk=message_id, due_at__lte=now)
    case = case_of(theirs.first(), person)
    return theirs.filter(recipient=case.applicant_id) if case else mine


def case_of(letter: OutboxMessage | None, reviewer: User) -> AccessRequest | None:
    """The request that a letter is about, if this person reviews it."""
    found = REQUEST_KEY.match(letter.key) if letter else None
    if found is None:
        return None
    case: AccessRequest | None = (
        AccessRequest.objects.readable_by(reviewer).filter(pk=int(found[1])).first()
    )
    return case


def paragraphs(text: str) -> list[str]:
    """Lines that were broken for mail run on again; an address keeps a line of its own."""
    blocks = text.replace("\r\n", "\n").split("\n\n")
    return [joined for block in blocks if (joined := _join(block))]


def _join(block: str) -> str:
    text = ""
    for line in block.splitlines():
        stands_alone = "://" in line or line.startswith("  ") or text.endswith(":")
        separator = "\n" if stands_alone or "://" in text.rpartition("\n")[2] else " "
        text = f"{text}{separator}{line.strip()}" if text else line.strip()
    return text

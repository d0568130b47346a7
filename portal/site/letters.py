"""A person's letters, who may resend one, and the layout of their text on a page."""

from __future__ import annotations

import re
from datetime import datetime

from django.conf import settings
from django.db.models import Case, F, Q, QuerySet, When

from portal.access.models import AccessRequest
from portal.accounts.models import User
from portal.outbox.models import OutboxMessage

WRAPPED_AT = 72  # as templates/outbox/letter.txt has it
REQUEST_KEY = re.compile(r"request-(\d+)-")
# As ``OutboxMessage.arrived_at`` has it.
ARRIVED_AT = Case(When(sent_at=None, attempts__gt=0, then=F("created_at")), default=F("due_at"))


def letters_of(person: User, now: datetime) -> QuerySet[OutboxMessage]:
    """Select the letters to a person that were sent or are due, newest first.

    Secret ones, whose links prove who can read the address, show in a demo alone. One that was
    cancelled before any attempt is left out: it may tell of a decision that was undone.
    """
    is_cancelled = Q(state=OutboxMessage.State.CANCELLED, attempts=0)
    is_sent_or_due = Q(due_at__lte=now) | Q(attempts__gt=0)
    letters = OutboxMessage.objects.filter(is_sent_or_due, recipient=person).exclude(is_cancelled)
    letters = letters.order_by(ARRIVED_AT.desc(), "-pk")
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


def paragraphs(letter: OutboxMessage) -> list[str]:
    """Join lines that were wrapped for mail into paragraphs; an address keeps its own line.

    So does a line that somebody ended: in a letter that we wrapped, the next word had room on it.
    """
    blocks = letter.text.replace("\r\n", "\n").split("\n\n")
    width = WRAPPED_AT if letter.html else 0  # others were wrapped by hand, in their templates
    return [joined for block in blocks if (joined := _join(block, width))]


def _join(block: str, width: int) -> str:
    text, before = "", ""
    for line in block.splitlines():
        had_room = len(before) + len(line.partition(" ")[0]) < width
        stands_alone = had_room or "://" in line or line.startswith("  ") or text.endswith(":")
        before = line
        separator = "\n" if stands_alone or "://" in text.rpartition("\n")[2] else " "
        text = f"{text}{separator}{line.strip()}" if text else line.strip()
    return text

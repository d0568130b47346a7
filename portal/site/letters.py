"""A person's letters, and how their text stands on a page."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db.models import Q, QuerySet

from portal.accounts.models import User
from portal.outbox.models import OutboxMessage


def letters_of(person: User, now: datetime) -> QuerySet[OutboxMessage]:
    """Those that have gone out or tried to. What proves who opens it is for the address alone."""
    gone = Q(due_at__lte=now) | Q(attempts__gt=0)
    letters = OutboxMessage.objects.filter(gone, recipient=person)
    return letters if settings.DEMO else letters.filter(is_secret=False)


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

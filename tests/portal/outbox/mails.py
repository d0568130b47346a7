"""Mails as these tests queue them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from portal.accounts.models import User
from portal.outbox.models import OutboxMessage
from portal.outbox.services import queue_letter, queue_mail

ADDRESS = "a@university.example"


def queue(now: datetime, key: str = "one", **changed: Any) -> OutboxMessage:
    fields = {
        "kind": "test",
        "recipient": None,
        "address": ADDRESS,
        "subject": "Hello",
        "text": "Text",
    }
    return queue_mail(key=key, now=now, **fields | changed)


def letter_to(person: User, now: datetime, key: str = "letter", **changed: Any) -> OutboxMessage:
    fields = {
        "kind": "receipt",
        "subject": "We have your request",
        "paragraphs": ["It arrived <safely>."],
        "act_label": "See your request",
        "act_url": "http://127.0.0.1:8000/requests/1",
        "reference": "0001",
        "team": "Example Lab access team",
    }
    return queue_letter(key=key, recipient=person, now=now, **fields | changed)

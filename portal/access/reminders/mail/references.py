"""Questions to references that didn't arrive: whoever named the reference is told of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Concat

from portal.access.reminders.timer import Timer, locking
from portal.accounts.letters import mail_returned
from portal.accounts.models import Reference
from portal.accounts.querysets import question_key
from portal.audit.events import EventType
from portal.audit.services import record
from portal.outbox.models import OutboxMessage


def references_returned(now: datetime) -> QuerySet[Any]:
    """Select open questions whose letter came back, of which nobody was told."""
    key = Concat(question_key(OuterRef("pk"), OuterRef("secret_hash")), Value("-returned"))
    written = Exists(OutboxMessage.objects.filter(key=key))
    returned: QuerySet[Any] = Reference.objects.open_at(now).returned()
    return returned.filter(~written)


def tell_returned(reference: Reference, now: datetime) -> None:
    mail_returned(reference, now)
    record(EventType.REMINDED, actor=None, target=reference, at=now, of="reference")


TIMERS = (Timer("reference_returned", references_returned, tell_returned, locking("person")),)

"""Delivers what the outbox holds."""

from __future__ import annotations

from django.utils import timezone

from portal.outbox.services import deliver_due
from portal.queue import app


@app.task(name="mail.deliver")
def deliver() -> None:
    deliver_due(now=timezone.now())

"""Define the task that delivers the outbox's mail."""

from __future__ import annotations

from django.utils import timezone

from portal.outbox.services import deliver_due
from portal.queue import app


@app.task(name="mail.deliver")
def deliver() -> None:
    """Deliver all mail that is due."""
    deliver_due(now=timezone.now())

"""Check the audit chain from its first event to its last."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.audit.models import AuditEvent
from portal.audit.services import verify_chain


class Command(BaseCommand):
    help = "Check the audit chain; name the first event that was tampered with, and exit with 1."

    def handle(self, *args: Any, **options: Any) -> None:
        count, fault = verify_chain()
        if fault:
            event = AuditEvent.objects.filter(sequence=fault.sequence).first()
            what = f"{event.type} of {event.at:%Y-%m-%d %H:%M:%S} UTC" if event else "no event"
            raise CommandError(f"Event {fault.sequence} ({what}): {fault.reason}.")
        head = AuditEvent.objects.order_by("-sequence").values_list("hash", flat=True).first()
        self.stdout.write(f"{count} events, unbroken. Head {head or 'none yet'}.")

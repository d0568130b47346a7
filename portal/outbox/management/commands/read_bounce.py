"""Take in a mail that came back, from standard input: ``manage.py read_bounce < message``.

For a mail server to pipe into what is sent to the address that letters come from.
"""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portal.outbox.errors import UnreadableBounce
from portal.outbox.services import read_bounce


class Command(BaseCommand):
    help = "Read a delivery report (RFC 3464) from standard input, and mark the letter and address."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            bounce = read_bounce(raw=sys.stdin.buffer.read(), now=timezone.now())
        except UnreadableBounce as error:
            raise CommandError(str(error)) from error
        if not bounce.address:
            self.stdout.write("A delay, not an end: nothing was marked.")
        else:
            self.stdout.write(f"Letters to {bounce.address} come back. It was {bounce.letter}.")

"""Lift the suspension of all access in a restored database."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal.access.holds.suspension import resume_access
from portal.access.models import AccessSuspension
from portal.errors import DomainError

LOOK = (
    "Look first whether anybody who left is among the operators and teams again; then at grants "
    "and holds, beside the letters that were sent. Then lift it: resume_access --reason WORDS"
)


class Command(BaseCommand):
    help = (
        "Say whether all access is suspended since a restore, and why; with --reason, lift that "
        "after having looked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", default="", help="what you looked at; kept in the record")

    def handle(self, *args: Any, **options: Any) -> None:
        suspension = AccessSuspension.objects.standing().first()
        if suspension is None:
            self.stdout.write("Access isn’t suspended.")
            return
        self.stdout.write(
            f"Suspended since {suspension.placed_at:%Y-%m-%d %H:%M}: {suspension.reason}"
        )
        if not options["reason"]:
            self.stdout.write(LOOK)
            return
        try:
            resume_access(reason=options["reason"], now=timezone.now())
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write("Lifted: grants open their models again.")

"""Rehearse the restore of the newest backup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal.backup.places import backups_at
from portal.backup.restoring.rehearsal import rehearse_restore
from portal.backup.stream.encryption import identities_in
from portal.errors import DomainError


class Command(BaseCommand):
    help = (
        "Restore the newest backup, or one that is named, into a database of its own, check "
        "its record and counts, drop it, and put the result on record. "
        "Exits with 1 where the backup can’t be restored."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "destination",
            nargs="?",
            default=settings.BACKUP_DESTINATION,
            help="where backups lie, or one of them; or WEIGHTGATE_BACKUP_DESTINATION",
        )
        parser.add_argument(
            "--identity",
            type=Path,
            metavar="FILE",
            help="the age key that opens them; or WEIGHTGATE_REHEARSAL_KEY_FILE",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["destination"]:
            raise CommandError("Name where backups lie, or set WEIGHTGATE_BACKUP_DESTINATION.")
        key_file = options["identity"] or settings.REHEARSAL_KEY_FILE
        try:
            identities = identities_in(Path(key_file)) if key_file else []
            place, name = backups_at(options["destination"])
            rehearsal = rehearse_restore(place, identities, now=timezone.now(), name=name)
        except DomainError as error:
            raise CommandError(error.message) from error
        if rehearsal.problem:
            raise CommandError(f"{rehearsal.name or 'No backup'}: {rehearsal.problem}")
        self.stdout.write(
            f"{rehearsal.name} can be restored: {rehearsal.events} events, unbroken, in "
            f"{rehearsal.seconds} s."
        )

"""Back up the installation as one encrypted stream."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from portal.backup.making.backup import Made, make_backup
from portal.backup.places import place_at
from portal.errors import DomainError


class Command(BaseCommand):
    help = (
        "Back up the database, the keys, the settings and the list of blobs (not the blobs) as "
        "one encrypted stream, to a folder or to s3://bucket/folder."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "destination",
            nargs="?",
            default=settings.BACKUP_DESTINATION,
            help="a folder or s3://bucket/folder; or WEIGHTGATE_BACKUP_DESTINATION",
        )
        parser.add_argument(
            "--recipient",
            action="append",
            default=[],
            metavar="AGE_KEY",
            help="a public key (age1…) that opens it; or WEIGHTGATE_BACKUP_RECIPIENTS",
        )
        parser.add_argument(
            "--unencrypted", action="store_true", help="write keys and personal data in the clear"
        )
        parser.add_argument("--dry-run", action="store_true", help="make it, and keep nothing")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["destination"]:
            raise CommandError("Name a destination, or set WEIGHTGATE_BACKUP_DESTINATION.")
        try:
            made = make_backup(
                place_at(options["destination"]),
                recipients=options["recipient"] or settings.BACKUP_RECIPIENTS,
                unencrypted=options["unencrypted"],
                dry_run=options["dry_run"],
                now=timezone.now(),
                progress=self._progress,
            )
        except DomainError as error:
            raise CommandError(f"There is no backup: {error.message}") from error
        if self.stderr.isatty():
            self.stderr.write("\r", ending="")
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(made)))
        else:
            self.stdout.write(_summary(made, dry_run=options["dry_run"]))

    def _progress(self, size_bytes: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{filesizeformat(size_bytes)} written", ending="")


def _as_json(made: Made) -> dict[str, Any]:
    return {"name": made.name, "size_bytes": made.size_bytes, "manifest": made.manifest.as_json()}


def _summary(made: Made, *, dry_run: bool) -> str:
    manifest, (sequence, digest) = made.manifest, made.manifest.head
    begins = "Nothing was kept: it would be" if dry_run else "Made"
    blobs = manifest.counts["catalog.blob"]
    return (
        f"{begins} {made.name}, {filesizeformat(made.size_bytes)}: {sum(manifest.counts.values())} "
        f"rows up to event {sequence} ({digest[:16]}…), {len(manifest.files)} files, and the list "
        f"of {blobs} blobs, whose bytes ({filesizeformat(manifest.blob_bytes)}) it doesn’t hold."
    )

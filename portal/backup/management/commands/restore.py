"""Restore a backup into an empty database; bring no access back that was ended since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal.backup.places import source_at
from portal.backup.restoring.restore import Restored, restore
from portal.backup.restoring.source import BackupSource, files_of
from portal.backup.restoring.staging import portal_database
from portal.backup.stream.encryption import identities_in, read_secret
from portal.errors import DomainError
from portal.private_files import write_private

MOST_NAMED = 20
INTERRUPTED = 130


class Command(BaseCommand):
    help = (
        "Restore a backup: verify it, load it, check the record, repeat what the log of endings "
        "holds since, and only then put it into the place of the database."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", help="a file, or s3://bucket/folder/name")
        parser.add_argument(
            "--identity", type=Path, metavar="FILE", help="the age key that opens it"
        )
        parser.add_argument(
            "--passphrase-file", type=Path, metavar="FILE", help="where the key file has one"
        )
        parser.add_argument(
            "--replace",
            action="store_true",
            help="take the place of a database that isn’t empty, which is kept by another name",
        )
        parser.add_argument("--no-input", action="store_true", help="ask for no confirmation")
        parser.add_argument(
            "--files-to",
            type=Path,
            metavar="FOLDER",
            help="write the keys and settings of the backup there, and touch no database",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            source = _source(options)
            if options["files_to"]:
                self._write_files(source, options["files_to"])
                return
            if options["replace"] and not options["no_input"]:
                _confirm()
            restored = restore(
                source, replace=options["replace"], now=timezone.now(), progress=self._progress
            )
        except DomainError as error:
            raise CommandError(f"Nothing was changed. {error.message}") from error
        except (KeyboardInterrupt, EOFError):
            self.stderr.write("")  # ends the line of the question, or of ^C
            raise CommandError("Stopped. Nothing was changed.", returncode=INTERRUPTED) from None
        for line in report(restored):
            self.stdout.write(line)

    def _progress(self, step: str) -> None:
        self.stderr.write(f"{step} …")

    def _write_files(self, source: BackupSource, folder: Path) -> None:
        for name, content in files_of(source).items():
            path = folder / Path(name).name
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if path.exists():
                raise CommandError(f"{path} is there already. Name a new folder.")
            write_private(path, content.decode())
            self.stdout.write(str(path))


def _source(options: dict[str, Any]) -> BackupSource:
    passphrase_file = options["passphrase_file"]
    passphrase = (
        read_secret(passphrase_file, "passphrase file").decode("utf-8", "replace").rstrip("\n")
        if passphrase_file
        else ""
    )
    identities = identities_in(options["identity"], passphrase) if options["identity"] else []
    return BackupSource(*source_at(options["source"]), identities)


def _confirm() -> None:
    name = portal_database()
    typed = input(f"The backup takes the place of {name}. Type its name to go on: ")
    if typed.strip() != name:
        raise CommandError("Nothing was changed.")


def report(restored: Restored) -> list[str]:
    """Return what a restore did and what is left to do, in lines."""
    applied, since = restored.applied, restored.since
    sequence, digest = restored.manifest.head
    lines = [
        f"Restored as of {restored.manifest.made:%Y-%m-%d %H:%M:%S} UTC, up to event {sequence} "
        f"({digest[:16]}…). Everybody signs in again.",
        f"Of what was ended since the backup, {len(applied.repeated)} was ended again here; "
        f"{applied.already} needed nothing (had ended already, or isn’t in the backup).",
        *(f"  {line}" for line in applied.repeated[:MOST_NAMED]),
    ]
    if since.reaches_to:
        lines.append(f"The log of endings reaches to {since.reaches_to:%Y-%m-%d %H:%M:%S} UTC.")
    if applied.suspended:
        lines += _suspended(restored)
    lines += _missing(restored)
    lines += _rights_left(restored)
    if restored.old_database:
        lines.append(
            f"The database that was there is kept as {restored.old_database}; drop it with dropdb."
        )
    return lines


def _suspended(restored: Restored) -> list[str]:
    applied = restored.applied
    lines = ["ALL ACCESS IS SUSPENDED until you have looked:"]
    lines += [f"  repeat by hand: {line}" for line in applied.failed[:MOST_NAMED]]
    if restored.since.unknown:
        lines += [
            f"  {restored.since.unknown}.",
            f"  Tokens ended: {applied.tokens_ended}. All passwords too: people set new ones by a "
            "letter, operators by manage.py changepassword.",
        ]
    return [*lines, "  Then: manage.py resume_access --reason WORDS"]


def _rights_left(restored: Restored) -> list[str]:
    left = restored.rights_left
    if not left.statements:
        return []
    lines = ["Roles had rights in the database that was backed up, and lack them here."]
    if left.roles:
        lines.append(f"Not on this server: {', '.join(left.roles)}. Make them first (CREATE ROLE).")
    return [*lines, "Run as the owner, in the restored database:", *left.statements]


def _missing(restored: Restored) -> list[str]:
    lines = []
    if restored.missing_blobs.count:
        lines.append(f"{restored.missing_blobs.count} blobs are missing from the store:")
        lines += [f"  {sha256}" for sha256 in restored.missing_blobs.first]
    for name in restored.keys_to_put_back:
        lines.append(f"The key {name} here isn’t the backup’s: put it back, see --files-to.")
    return lines

"""Publish a licence's text as a version of its own."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from portal.access.gate.effects import effects_of_publishing
from portal.catalog.licensing.drafting import LicenceDraft, draft_version
from portal.catalog.management.lookups import account_named, reading
from portal.catalog.models import LicenceVersion
from portal.catalog.services.licences import publish_licence_version
from portal.errors import DomainError
from portal.parsing.json import read_json_file
from portal.text.languages import ENGLISH


class Command(BaseCommand):
    help = "Publish a licence text. It never changes afterwards; what is signed stays what it was."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Make a parser without Django's own ``--version``, which is the licence's here."""
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the text, in UTF-8")
        parser.add_argument("--licence", required=True, metavar="SLUG")
        parser.add_argument("--version", required=True, dest="licence_version", metavar="V")
        parser.add_argument("--as", dest="publisher", required=True, metavar="USERNAME")
        parser.add_argument("--kind", choices=LicenceVersion.Kind.values, default="material")
        parser.add_argument("--name", default="", help="of a licence that is new")
        parser.add_argument(
            "--namespace",
            default="",
            help="of a licence that is new: whose publishers publish it; the operator where unset",
        )
        parser.add_argument("--attribution", help="the notice; else that of the version before")
        parser.add_argument(
            "--language", metavar="TAG", help="such as en or pt-BR; else that of the version before"
        )
        parser.add_argument(
            "--terms", type=Path, metavar="JSON", help="as docs/licences.md says; else as before"
        )
        parser.add_argument("--effective", metavar="TIME", help="with its zone; now where unset")
        parser.add_argument("--dry-run", action="store_true", help="check, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        publisher, now = account_named(options["publisher"]), timezone.now()
        fields = _fields(options)
        try:
            if options["dry_run"]:
                published = draft_version(actor=publisher, draft=LicenceDraft(**fields), now=now)
            else:
                published = publish_licence_version(actor=publisher, now=now, **fields)
        except DomainError as error:
            raise CommandError(f"Not published: {error.message}") from error
        done = "Ready; nothing changed" if options["dry_run"] else "Published"
        attestation_count = len(published.attestations)
        self.stdout.write(
            f"{done}: {published}, {published.kind}, in force from "
            f"{published.effective_at.isoformat()}, {attestation_count} acknowledgements.\n"
            f"sha256 {published.sha256}"
        )
        for effect in effects_of_publishing(published, now):
            self.stdout.write(f"- {effect.text}")


def _fields(options: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a ``LicenceDraft``; what isn't given is as in the version before."""
    before = LicenceVersion.objects.filter(licence__slug=options["licence"]).first()
    return {
        "slug": options["licence"],
        "name": options["name"],
        "namespace": options["namespace"],
        "version": options["licence_version"],
        "kind": options["kind"],
        "text": _text(options["file"]),
        "attribution": options["attribution"] or (before.attribution if before else ""),
        "language": options["language"] or (before.language if before else ENGLISH),
        "terms": _terms(options["terms"], before),
        "effective_at": _time(options["effective"]),
    }


def _text(file: Path) -> str:
    """Read a text without changing its line ends: its sha256 is over these very bytes."""
    with reading(file, form="UTF-8"):
        return file.read_bytes().decode()


def _terms(file: Path | None, before: LicenceVersion | None) -> dict[str, Any]:
    if file is None:
        return before.terms if before else {}
    with reading(file, form="JSON"):
        terms = read_json_file(file)
    if not isinstance(terms, dict):
        raise CommandError(f"{file} must hold one JSON object.")
    return terms


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        time = parse_datetime(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise CommandError("Write the time as 2026-12-01T00:00:00+00:00, with its zone.")
    return time

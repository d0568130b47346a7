"""``manage.py import_ror FILE``: import the Research Organization Registry's dump."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from portal.accounts.organizations.register import Imported, import_organizations, load_seed
from portal.accounts.organizations.ror import UnreadableDump, read_dump


class Command(BaseCommand):
    help = (
        "Bring the organizations up to date from the Research Organization Registry’s data dump "
        "(schema 2, JSON or the zip as released), or from the demo’s own list."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="v….json or v….zip")
        parser.add_argument("--seed", action="store_true", help="the demo’s organizations instead")
        parser.add_argument("--dry-run", action="store_true", help="say what would change")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["seed"] == bool(options["file"]):
            raise CommandError("Name the dump’s file, or give --seed.")
        if options["seed"]:
            count = load_seed(now=timezone.now())
            self.stdout.write(f"{count} organizations of the demo are in place.")
        else:
            self.stdout.write(_import(options["file"], options["dry_run"]))


def _import(path: Path, dry_run: bool) -> str:
    try:
        records = tqdm(read_dump(path), desc="Reading", unit=" organizations", disable=None)
        done = import_organizations(records=records, now=timezone.now(), dry_run=dry_run)
    except (OSError, UnreadableDump) as error:
        raise CommandError(str(error)) from error
    return _summary(done, dry_run)


def _summary(done: Imported, dry_run: bool) -> str:
    lines = [
        "Nothing is kept (dry run)." if dry_run else "Kept.",
        f"Organizations: {done.new} new, {done.changed} changed, {done.inactive} inactive.",
        f"Domains: {done.domains_new} new, {done.domains_gone} gone.",
    ]
    lines += [f"Dropped: {count} ({why})." for why, count in sorted(done.dropped.items()) if count]
    return "\n".join(lines)

"""Report the downloads of a model, or of all, to an operator."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Exists, OuterRef
from django.utils.dateparse import parse_date, parse_datetime

from portal.catalog.models import ModelRepo
from portal.delivery.accounting.usage import Grouping, UsageLine, usage_of
from portal.delivery.models import Download
from portal.site.archives.csv_lines import csv_line

COLUMNS = ("repo", "by", "key", "label", "people", "downloads", "bytes", "last_at")


class Command(BaseCommand):
    help = (
        "Downloads by person, organization and revision: how many, and how many bytes. Times are "
        "in UTC; --since is included, --until is not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--repo", help="namespace/name; every model with downloads otherwise")
        parser.add_argument(
            "--by", choices=[str(grouping) for grouping in Grouping], help="one of the three"
        )
        parser.add_argument("--since", type=_moment, metavar="DAY", help="2026-11-01, or a time")
        parser.add_argument("--until", type=_moment, metavar="DAY")
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true")
        form.add_argument("--csv", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        kinds = [Grouping(options["by"])] if options["by"] else list(Grouping)
        rows = [
            _row(repo, by, line)
            for repo in _repos(options["repo"])
            for by in kinds
            for line in usage_of(repo, by, since=options["since"], until=options["until"])
        ]
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2))
        elif options["csv"]:
            lines = [COLUMNS, *([row[name] for name in COLUMNS] for row in rows)]
            self.stdout.write("".join(map(csv_line, lines)), ending="")
        else:
            self._table(rows)

    def _table(self, rows: list[dict[str, Any]]) -> None:
        if not rows:
            self.stdout.write("There were no downloads in that time.")
        head = None
        for row in rows:
            if head != (head := (row["repo"], row["by"])):
                self.stdout.write(f"\n{row['repo']}, by {row['by']}")
            key = "" if row["key"] in ("", row["label"]) else f" ({row['key']})"
            counts = f"{row['bytes']:>20,} bytes {row['downloads']:>9,} times"
            self.stdout.write(f"{counts}  {row['label']}{key}")


def _moment(text: str) -> datetime:
    """Parse a day, which begins at 00:00 UTC, or a time."""
    try:
        if day := parse_date(text):
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise ArgumentTypeError(f"{text!r} isn’t a day: write it as 2026-11-01.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _repos(name: str | None) -> list[ModelRepo]:
    repos = ModelRepo.objects.with_names()
    if name is None:
        fetched = Download.objects.filter(revision__repo=OuterRef("pk"))
        return list(repos.filter(Exists(fetched)))
    repo: ModelRepo | None = repos.named(name).first()
    if repo is None:
        raise CommandError(f"There is no model {name}. Name it as namespace/name.")
    return [repo]


def _row(repo: ModelRepo, by: Grouping, line: UsageLine) -> dict[str, Any]:
    return {
        "repo": repo.full_name,
        "by": str(by),
        "key": line.key,
        "label": line.label,
        "people": line.people,
        "downloads": line.downloads,
        "bytes": line.size_bytes,
        "last_at": line.last_at.isoformat(),
    }

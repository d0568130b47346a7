"""Report downloads, or the use of hosted models, to an operator."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Exists, OuterRef, Q
from django.utils.dateparse import parse_date, parse_datetime

from portal.access.policy.administering import SeenUsage
from portal.catalog.management.lookups import repo_named
from portal.catalog.models import ModelRepo
from portal.delivery.accounting.usage import Grouping, UsageLine, usage_of
from portal.delivery.models import Download
from portal.jobs.accounting.usage import UsageGrouping, UsageSum, usage_sums
from portal.site.archives.csv_lines import csv_line
from portal.site.usage.table import COLUMNS as USAGE_COLUMNS
from portal.site.usage.table import values_of

BY = sorted({str(by) for kinds in (Grouping, UsageGrouping) for by in kinds})
EVERYTHING = SeenUsage(Q(), Q())
COLUMNS = ("repo", "by", "key", "label", "people", "downloads", "bytes", "last_at")


class Command(BaseCommand):
    help = (
        "Downloads by person, organization and revision: how many, and how many bytes. With "
        "--hosted, the use of hosted models by month, model, person and organization instead: jobs "
        "that ended, tokens, energy, carbon and cost. Times are in UTC; --since is included, "
        "--until is not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--repo", help="namespace/name; every model with downloads otherwise")
        parser.add_argument("--hosted", action="store_true", help="jobs, in place of downloads")
        parser.add_argument("--by", choices=BY, help="one of them alone")
        parser.add_argument("--since", type=_moment, metavar="DAY", help="2026-11-01, or a time")
        parser.add_argument("--until", type=_moment, metavar="DAY")
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true")
        form.add_argument("--csv", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        kinds = UsageGrouping if options["hosted"] else Grouping
        if options["by"] and options["by"] not in list(kinds):
            raise CommandError(f"--by: choose one of {', '.join(kinds)} here.")
        if options["hosted"]:
            self._hosted(options)
        else:
            self._downloads(options)

    def _hosted(self, options: dict[str, Any]) -> None:
        repo = repo_named(options["repo"]) if options["repo"] else None
        kinds = [UsageGrouping(options["by"])] if options["by"] else list(UsageGrouping)
        since, until = options["since"], options["until"]
        lines = [
            (by, line)
            for by in kinds
            for line in usage_sums(EVERYTHING, by, since=since, until=until, repo=repo)
        ]
        rows = [(str(by), *values_of(line)) for by, line in lines]
        columns = ("by", *USAGE_COLUMNS)
        if options["json"]:
            named = [dict(zip(columns, row, strict=True)) for row in rows]
            self.stdout.write(json.dumps(named, indent=2, cls=DjangoJSONEncoder))
        elif options["csv"]:
            self.stdout.write("".join(map(csv_line, [columns, *rows])), ending="")
        else:
            self._hosted_table(lines)

    def _hosted_table(self, lines: list[tuple[UsageGrouping, UsageSum]]) -> None:
        if not lines:
            self.stdout.write("No job ended in that time.")
        head = None
        for by, line in lines:
            if head != (head := by):
                self.stdout.write(f"\nBy {by}")
            energy = f"{line.energy_wh:>12,.2f} Wh {line.measured or '-':<15}"
            idle = "" if line.idle_wh is None else f", {line.idle_wh:,.2f} Wh idle"
            self.stdout.write(f"{energy} {line.jobs:>9,} jobs  {line.label}{idle}")

    def _downloads(self, options: dict[str, Any]) -> None:
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

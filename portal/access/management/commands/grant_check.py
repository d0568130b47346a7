"""Compare every active grant and member with the audit record."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal.access.grants.audit.check import GrantCheck, check_grants


class Command(BaseCommand):
    help = (
        "Derive every active grant and member from the record alone and compare with the tables; "
        "name each difference, and exit with 1 if there is one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the findings as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        report = check_grants(timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps(asdict(report)))
        else:
            self._tell(report)
        if report.differences:
            raise CommandError(f"{len(report.differences)} differences from the record.")

    def _tell(self, report: GrantCheck) -> None:
        for difference in report.differences:
            self.stdout.write(f"{difference.what} {difference.key} {difference.reason}")
        if not report.differences:
            self.stdout.write(
                f"{report.grants} active grants and {report.members} members are as recorded."
            )

"""Check the installation, and name each fault with its remedy."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from portal.doctor.checklist import CHECKS, letter_check
from portal.doctor.examination import SECONDS, examine
from portal.doctor.findings import DoctorFinding, is_sound


class Command(BaseCommand):
    help = (
        "Check settings, database, Redis, blob store, keys, mail, clock, disk, workers, address. "
        "Each fault is named with its remedy. Exits with 1 when there is one, with 2 when called "
        "wrongly."
    )
    requires_system_checks = []  # what is wrong is what this is for

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the findings as JSON")
        parser.add_argument("--mail-to", metavar="ADDRESS", help="send a letter to this address")
        parser.add_argument(
            "--seconds", type=float, default=SECONDS, help="how long it may take (%(default)g)"
        )
        parser.add_argument(
            "checks", nargs="*", metavar="CHECK", help=f"all, or some of {', '.join(NAMES)}"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        checks = [check for check in CHECKS if check.name in (options["checks"] or NAMES)]
        if unknown := set(options["checks"]) - set(NAMES):
            wrong = (
                f"There is no check {', '.join(sorted(unknown))}: choose from {', '.join(NAMES)}."
            )
            raise CommandError(wrong, returncode=2)
        if options["mail_to"] is not None:
            checks.append(letter_check(_checked(options["mail_to"])))
        findings = examine(checks, options["seconds"])
        if options["json"]:
            data = [finding.as_data() for finding in findings]
            self.stdout.write(json.dumps({"sound": is_sound(findings), "findings": data}, indent=1))
        else:
            self.stdout.write("\n".join(map(_lines, findings)))
        if not is_sound(findings):
            sys.exit(1)


NAMES = [check.name for check in CHECKS]


def _checked(address: str) -> str:
    try:
        validate_email(address)
    except ValidationError:
        wrong = f"--mail-to is {address!r}: write an e-mail address, as name@example.org."
        raise CommandError(wrong, returncode=2) from None
    return address


def _lines(finding: DoctorFinding) -> str:
    line = f"{finding.state:<8} {finding.check:<11} {finding.message}"
    return f"{line}\n{'':<21}→ {finding.remedy}" if finding.remedy else line

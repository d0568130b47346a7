"""Generate synthetic data: months of a gate's work."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from portal.errors import DomainError
from portal.synthetic.generation import generate


class Command(BaseCommand):
    help = (
        "Generate people, requests, decisions, grants, downloads, jobs and letters, all synthetic, "
        "for load tests and for the training of reviewers. See docs/synthetic-data.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--requests", type=int, default=300, help="how many applicants")
        parser.add_argument("--days", type=int, default=365, help="over how many days")
        parser.add_argument("--seed", type=int, default=1, help="the same seed, the same story")
        parser.add_argument(
            "--until", metavar="YYYY-MM-DD", help="the day on which it ends, in UTC; now if unset"
        )
        parser.add_argument(
            "--password-stdin",
            action="store_true",
            help="read a password for the synthetic heads and reviewers from standard input",
        )
        parser.add_argument(
            "--beside-real-people",
            action="store_true",
            help="generate into an installation that people use; it can’t be taken out again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["requests"] < 1 or options["days"] < 1:
            raise CommandError("--requests and --days are 1 or more.", returncode=2)
        password = _password() if options["password_stdin"] else ""
        logging.disable(logging.INFO)  # each job would say that it was queued, and that it ended
        try:
            with tqdm(total=options["days"], unit="d", desc="Generating", disable=None) as bar:
                counts = generate(
                    requests=options["requests"],
                    days=options["days"],
                    seed=options["seed"],
                    until=_end(options["until"]),
                    password=password,
                    beside_real_people=options["beside_real_people"],
                    on_day=bar.update,
                )
        except DomainError as error:
            raise CommandError(error.message) from error
        except KeyboardInterrupt:
            raise CommandError(
                "Stopped. It is one transaction: the database is as it was.", returncode=130
            ) from None
        finally:
            logging.disable(logging.NOTSET)
        for name, count in counts.items():
            self.stdout.write(f"{count:>8,}  {name}")


def _password() -> str:
    """Read the team's password, and refuse one that people might not have either."""
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise CommandError("--password-stdin: standard input has no password.", returncode=2)
    try:
        validate_password(password)
    except ValidationError as error:
        raise CommandError("--password-stdin: " + " ".join(error.messages), returncode=2) from None
    return password


def _end(day: str | None) -> datetime:
    if day is None:
        return timezone.now()
    try:
        return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise CommandError(f"--until is {day!r}: write it as 2026-11-30.", returncode=2) from None

"""Run migrations without holding up the portal: none waits long for a lock, and each is retried."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from psycopg.errors import DeadlockDetected, LockNotAvailable

# A migration that has one table and waits for another gives up before PostgreSQL looks for a
# deadlock (``deadlock_timeout``, a second unless set), which would end the reader’s request. A
# reader of the first table may have waited for a while by then, so this is far below.
LOCK_SECONDS = 0.2
TRIES = 80
PAUSE_SECONDS = 1.0


class Command(migrate.Command):
    """Django's command, within time-outs.

    A change of a table waits for whoever uses it, and everybody who comes after waits for the
    change. So it gives up soon, lets the others through, and tries again.
    """

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--lock-timeout",
            type=float,
            default=LOCK_SECONDS,
            metavar="SECONDS",
            help="how long a migration waits for a lock (%(default)g)",
        )
        parser.add_argument(
            "--tries", type=int, default=TRIES, help="how often it is tried (%(default)s)"
        )
        parser.add_argument(
            "--statement-timeout",
            type=float,
            default=0,
            metavar="SECONDS",
            help="how long one statement may take; 0, the default, for any time",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, again after each time-out for a lock. What is done stays done."""
        if options["tries"] < 1:
            raise CommandError("--tries is 1 or more.", returncode=2)
        if min(options["lock_timeout"], options["statement_timeout"]) < 0:
            raise CommandError("A time-out is 0 seconds or more.", returncode=2)
        waited = {
            "lock_timeout": options["lock_timeout"],
            "statement_timeout": options["statement_timeout"],
        }
        for left in reversed(range(options["tries"])):
            _set_timeouts(options["database"], waited)
            try:
                super().handle(*args, **options)
                return
            except OperationalError as error:
                if not isinstance(error.__cause__, (LockNotAvailable, DeadlockDetected)):
                    raise
                if not left:
                    raise CommandError(
                        "A migration found its table in use each time. Nothing of it was done. "
                        "Run it again when no backup, report or vacuum is under way."
                    ) from error
                self.stderr.write("A table is in use; the migration lets others go first.")
                time.sleep(PAUSE_SECONDS)
            finally:
                _set_timeouts(options["database"], dict.fromkeys(waited, 0))


def _set_timeouts(database: str, seconds: dict[str, float]) -> None:
    with connections[database].cursor() as cursor:
        for name, value in seconds.items():
            cursor.execute("SELECT set_config(%s, %s, false)", [name, f"{int(value * 1000)}ms"])

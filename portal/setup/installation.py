"""Read what an installation has by now from its database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.conf import settings
from django.db import OperationalError, ProgrammingError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from redis import Redis, RedisError

from portal.accounts.models import Namespace, User
from portal.database.refusals import reason_of

T = TypeVar("T")


@dataclass(frozen=True)
class Installation:
    """Operators and labs by name, the oldest first, and how many migrations are to run."""

    pending_migrations: int
    operators: list[str]
    labs: list[str]


def read_installation() -> Installation:
    """Return what is there, in a database that can be reached."""
    executor = MigrationExecutor(connection)
    operators = User.objects.operators()
    labs = Namespace.objects.labs().order_by("pk")
    return Installation(
        pending_migrations=len(executor.migration_plan(executor.loader.graph.leaf_nodes())),
        operators=rows_of(lambda: list(operators.values_list("username", flat=True)), []),
        labs=rows_of(lambda: list(labs.values_list("name", flat=True)), []),
    )


def unreachable() -> list[str]:
    """Say which of the two servers can't be reached, and how to mend that."""
    return [fault for fault in (_database_fault(), _redis_fault()) if fault]


def rows_of(query: Callable[[], T], otherwise: T) -> T:
    """Return what a query returns, or ``otherwise`` where its tables aren't made yet."""
    try:
        with transaction.atomic():
            return query()
    except ProgrammingError:
        return otherwise


def _database_fault() -> str:
    try:
        connection.ensure_connection()
    except OperationalError as error:
        return (
            "The database of DATABASE_URL can’t be reached. Make it first (`createdb`), or correct "
            f"--database-url. {reason_of(error)}"
        )
    return ""


def _redis_fault() -> str:
    try:
        with Redis.from_url(settings.REDIS_URL, socket_timeout=5) as redis:
            redis.ping()
    except (RedisError, ValueError, OSError) as error:
        return f"Redis can’t be reached at REDIS_URL. Start it, or correct --redis-url. {error}"
    return ""

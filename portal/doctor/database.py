"""Check PostgreSQL, by a connection beside the pool, which would hide why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
from django.apps import apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from portal.database.checks import half_migrated_apps
from portal.database.refusals import reason_of
from portal.doctor.findings import Findings, fault, ok, skipped, warning

CONNECT_SECONDS = 5
OLDEST = 150_000  # for unique constraints that count empty columns as equal
LARGEST_DIFFERENCE = timedelta(seconds=5)


@contextmanager
def _connected() -> Iterator[psycopg.Connection[tuple[str | int | datetime, ...]]]:
    parameters = {**connection.get_connection_params(), "connect_timeout": CONNECT_SECONDS}
    with psycopg.connect(
        **{
            name: parameters[name]
            for name in parameters
            if name not in ("cursor_factory", "context")
        },
        options=f"-c statement_timeout={CONNECT_SECONDS}s",
    ) as database:
        yield database


def server() -> Findings:
    """Check version, encoding and clock of the server."""
    try:
        with _connected() as database:
            before = datetime.now(UTC)
            row = database.execute(
                "SELECT current_setting('server_version'), current_setting('server_encoding'), "
                "current_setting('server_version_num')::int, clock_timestamp()"
            ).fetchone()
            half_way = before + (datetime.now(UTC) - before) / 2
    except psycopg.Error as error:
        return [
            fault(
                f"It can’t be reached: {reason_of(error)}",
                "Start PostgreSQL, and correct DATABASE_URL.",
            )
        ]
    version, encoding, number, at = row or ("", "", 0, half_way)
    return _judged(str(version), str(encoding), int(str(number)), at, half_way)


def _judged(version: str, encoding: str, number: int, at: object, now: datetime) -> Findings:
    findings = []
    if number < OLDEST:
        findings.append(
            fault(f"PostgreSQL {version} is too old.", "Move to PostgreSQL 15 or newer.")
        )
    if encoding != "UTF8":
        findings.append(
            fault(
                f"Its encoding is {encoding}, which can’t hold every name.",
                "Make the database anew: createdb --encoding UTF8 --template template0.",
            )
        )
    difference = abs(at - now) if isinstance(at, datetime) else timedelta()
    if difference > LARGEST_DIFFERENCE:
        findings.append(
            fault(
                f"Its clock and this host’s differ by {difference.total_seconds():.0f} seconds.",
                "Let both take their time from NTP.",
            )
        )
    return findings or [ok(f"PostgreSQL {version}, UTF8; the clocks agree.")]


def migrations() -> Findings:
    """Check that the tables are those of this version."""
    try:
        with _connected():
            pass
    except psycopg.Error:
        return [skipped("Not checked, since the database can’t be reached.")]
    if torn := half_migrated_apps(connection.alias):
        return [
            fault(
                f"The tables of {', '.join(torn)} are from a version that this one can’t take up.",
                "Migrate once with the last version that could.",
            )
        ]
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        return [
            fault(
                f"{len(pending)} migrations are to run.",
                "Run `weightgate manage migrate`, then start web and workers again.",
            )
        ]
    if count := _newer(executor.loader):
        return [
            warning(
                f"They are newer than this version: {count} migrations of a later one have run.",
                "Go on to the later version; how long this one works is in docs/install.md.",
            )
        ]
    return [ok("They are those of this version.")]


def _newer(loader: MigrationLoader) -> int:
    """Count what has run of our apps and this version doesn't have, nor has replaced."""
    ours = {app.label for app in apps.get_app_configs() if app.name.startswith("portal.")}
    known = set(loader.disk_migrations).union(
        *(migration.replaces for migration in loader.disk_migrations.values())
    )
    return sum(key[0] in ours and key not in known for key in loader.applied_migrations)

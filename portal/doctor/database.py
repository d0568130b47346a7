"""Check PostgreSQL, by a connection beside the pool, which would hide why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

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
LOG_SETTINGS = """
SELECT name, setting FROM pg_settings WHERE name IN (
    'log_statement', 'log_min_duration_statement', 'log_min_duration_sample',
    'log_statement_sample_rate', 'log_transaction_sample_rate', 'log_parameter_max_length',
    'log_parameter_max_length_on_error', 'auto_explain.log_min_duration',
    'auto_explain.log_parameter_max_length'
)
"""
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
    """Check version, encoding and clock of the server, and what it writes into its log."""
    try:
        with _connected() as database:
            before = datetime.now(UTC)
            row = database.execute(
                "SELECT current_setting('server_version'), current_setting('server_encoding'), "
                "current_setting('server_version_num')::int, clock_timestamp()"
            ).fetchone()
            half_way = before + (datetime.now(UTC) - before) / 2
            rows: list[Any] = database.execute(LOG_SETTINGS).fetchall()
            of_log = judged_log(dict(rows))
    except psycopg.Error as error:
        return [
            fault(
                f"It can’t be reached: {reason_of(error)}",
                "Start PostgreSQL, and correct DATABASE_URL.",
            )
        ]
    version, encoding, number, at = row or ("", "", 0, half_way)
    findings = [*_judged(str(version), str(encoding), int(str(number)), at, half_way), *of_log]
    return findings or [ok(f"PostgreSQL {version}, UTF8; the clocks agree.")]


def judged_log(settings: dict[str, str]) -> Findings:
    """Tell where the server would write prompts into its log, as the values of statements.

    Their statements have none in their text, so what is logged without values holds none.
    """
    findings = []
    if _logs_statements(settings) and settings["log_parameter_max_length"] != "0":
        findings.append(
            warning(
                "PostgreSQL logs statements with their values, so its log has prompts and outputs.",
                "ALTER SYSTEM SET log_parameter_max_length = 0; SELECT pg_reload_conf(); "
                "then delete the logs that have them. See docs/prompts.md.",
            )
        )
    if settings["log_parameter_max_length_on_error"] != "0":
        findings.append(
            warning(
                "PostgreSQL logs the values of statements that fail, prompts and outputs too.",
                "ALTER SYSTEM SET log_parameter_max_length_on_error = 0; SELECT pg_reload_conf(); "
                "then delete the logs that have them. See docs/prompts.md.",
            )
        )
    explains = float(settings.get("auto_explain.log_min_duration", -1)) >= 0
    if explains and settings.get("auto_explain.log_parameter_max_length", "0") != "0":
        findings.append(
            warning(
                "auto_explain logs the values of statements, prompts and outputs too.",
                "ALTER SYSTEM SET auto_explain.log_parameter_max_length = 0; "
                "SELECT pg_reload_conf(); then delete the logs that have them.",
            )
        )
    return findings


def _logs_statements(settings: dict[str, str]) -> bool:
    return (
        settings["log_statement"] in ("mod", "all")
        or float(settings["log_min_duration_statement"]) >= 0
        or float(settings["log_transaction_sample_rate"]) > 0
        or (
            float(settings["log_min_duration_sample"]) >= 0
            and float(settings["log_statement_sample_rate"]) > 0
        )
    )


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
    return findings


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

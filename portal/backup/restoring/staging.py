"""A database beside the portal's, which is taken into its place whole or dropped again."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import psycopg
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections
from psycopg import sql

from portal.backup.errors import BackupFailed
from portal.backup.server import server_connection
from portal.database.refusals import reason_of

SECONDS_TO_LEAVE = 2.0  # the server notices a moment later that a connection was closed
LONGEST = 40  # of the portal's name, so that what is appended fits into PostgreSQL's 63 bytes


def portal_database() -> str:
    return str(connection.settings_dict["NAME"])


@contextmanager
def staging_database() -> Iterator[str]:
    """Make an empty database, yield its name, and drop it unless it was taken into use."""
    name = f"{portal_database()[:LONGEST]}_restoring_{secrets.token_hex(4)}"
    with server_connection() as server:
        try:
            server.execute(_named("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'", name))
        except psycopg.errors.InsufficientPrivilege as error:
            raise BackupFailed(
                "A restore is made in a database of its own first, and the role of DATABASE_URL "
                f"may make none. Allow it: ALTER ROLE {server.info.user} CREATEDB."
            ) from error
        try:
            yield name
        finally:
            server.execute(_named("DROP DATABASE IF EXISTS {} WITH (FORCE)", name))


@contextmanager
def connected_to(name: str) -> Iterator[None]:
    """Let this thread's queries go to another database of the server."""
    usual = connections[DEFAULT_DB_ALIAS]
    # Without the pool, which all threads share.
    options = {key: value for key, value in usual.settings_dict["OPTIONS"].items() if key != "pool"}
    other = type(usual)({**usual.settings_dict, "NAME": name, "OPTIONS": options}, DEFAULT_DB_ALIAS)
    connections[DEFAULT_DB_ALIAS] = other
    try:
        yield
    finally:
        other.close()
        connections[DEFAULT_DB_ALIAS] = usual


def tables_there() -> int:
    """Count the tables of the portal's database; 0 where there is no such database yet."""
    try:
        return len(connection.introspection.table_names())
    except OperationalError as error:
        if "does not exist" not in str(error):
            reason = reason_of(error)
            raise BackupFailed(
                f"The database of DATABASE_URL can’t be reached: {reason}"
            ) from error
        return 0


def require_unused() -> None:
    """Raise BackupFailed while anything else is connected to the portal's database."""
    _disconnect()
    deadline = time.monotonic() + SECONDS_TO_LEAVE
    while others := _connections():
        if time.monotonic() > deadline:
            raise BackupFailed(
                f"{others} connections to {portal_database()} are open. Stop the portal, its "
                "workers and beat first."
            )
        time.sleep(0.1)


def _connections() -> int:
    # PostgreSQL's own, such as autovacuum's, give way by themselves.
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = %s AND backend_type = 'client backend'"
    )
    with server_connection() as server:
        row = server.execute(query, [portal_database()]).fetchone()
    return row[0] if row else 0


def _disconnect() -> None:
    """Close this process's own connections, those that its pool keeps open too."""
    connection.close()
    if connection.settings_dict["OPTIONS"].get("pool"):
        connection.close_pool()  # type: ignore[attr-defined]


def take_into_use(name: str, now: datetime, *, keep_old: bool) -> str:
    """Put a database into the place of the portal's, at once or not at all.

    Return the name that the old one is kept by; "" where it is dropped, or there was none.
    """
    portal = portal_database()
    old = f"{portal[:LONGEST]}_before_{now:%Y%m%d%H%M%S}"
    _disconnect()
    with server_connection() as server:
        is_there = server.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [portal]
        ).fetchone()
        try:
            with server.transaction():
                if is_there:
                    server.execute(_named("ALTER DATABASE {} RENAME TO {}", portal, old))
                server.execute(_named("ALTER DATABASE {} RENAME TO {}", name, portal))
        except psycopg.errors.ObjectInUse as error:
            raise BackupFailed(
                f"{portal} is in use again, so nothing was changed. Stop the portal first."
            ) from error
        if is_there and not keep_old:
            server.execute(_named("DROP DATABASE {}", old))
    return old if is_there and keep_old else ""


def _named(statement: str, *names: str) -> sql.Composed:
    return sql.SQL(statement).format(*map(sql.Identifier, names))

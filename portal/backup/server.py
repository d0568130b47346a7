"""The server of the portal's database, reached beside any database of the portal's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection

from portal.backup.errors import BackupFailed
from portal.database.refusals import reason_of


def server_version() -> int:
    """Return the version as a number, such as 150004."""
    with server_connection() as server:
        return server.info.server_version


@contextmanager
def server_connection() -> Iterator[psycopg.Connection[Any]]:
    """Connect to the server. Raise BackupFailed where it can't be reached."""
    settings = connection.settings_dict
    try:
        server = psycopg.connect(
            dbname="postgres",
            host=settings["HOST"] or None,
            port=settings["PORT"] or None,
            user=settings["USER"] or None,
            password=settings["PASSWORD"] or None,
            autocommit=True,
        )
    except psycopg.OperationalError as error:
        raise BackupFailed(
            f"The server of DATABASE_URL can’t be reached: {reason_of(error)}"
        ) from error
    with server:
        yield server

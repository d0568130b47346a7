"""Send the values of a statement beside it, so that PostgreSQL writes none into its log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor


@contextmanager
def values_apart() -> Iterator[None]:
    """Bind on the server within the block, on this thread's connection.

    Django writes values into the statement, which the server logs whole where it fails, and which
    pg_stat_activity and pg_stat_statements show to whoever administers the server. Values that come
    apart are in none of these.
    """
    connection.ensure_connection()
    own = connection.connection
    usual, own.cursor_factory = own.cursor_factory, ServerBindingCursor
    try:
        yield
    finally:
        own.cursor_factory = usual

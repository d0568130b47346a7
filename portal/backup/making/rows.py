"""Back up the rows of some tables without what people wrote in them.

``pg_dump`` takes a table whole or not at all. So it leaves these out, and their rows come in parts
of their own, as ``COPY`` writes them: a line of JSON with the columns, then the rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from django.db import connection
from psycopg import sql

from portal.backup.errors import BackupFailed
from portal.jobs.models import Batch, Job
from portal.jobs.texts import BATCH_BLANKED, BLANKED

PART = "rows"
# By table: its columns that hold texts, and the expressions that are written in their place.
WITHOUT_TEXTS: Mapping[str, Mapping[str, str]] = {
    Job._meta.db_table: BLANKED,
    Batch._meta.db_table: BATCH_BLANKED,
}


def part_of(table: str) -> str:
    return f"{PART}/{table}"


def rows_of(table: str) -> Iterator[bytes]:
    """Yield the rows of a table without its texts, as the transaction at hand sees it."""
    blanked = WITHOUT_TEXTS[table]
    with connection.cursor() as cursor:
        columns = [
            column.name for column in connection.introspection.get_table_description(cursor, table)
        ]
        yield json.dumps(columns).encode() + b"\n"
        expressions = [
            sql.SQL(blanked[name]) if name in blanked else sql.Identifier(name) for name in columns
        ]
        statement = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(
            sql.SQL(", ").join(expressions), sql.Identifier(table)
        )
        with cursor.copy(statement) as copy:
            for block in copy:
                yield bytes(block)


def load_rows(table: str, pieces: Iterable[bytes]) -> None:
    """Load the rows of a part into the table of the database at hand."""
    rest = iter(pieces)
    head = b""
    while b"\n" not in head:
        piece = next(rest, None)
        if piece is None:
            raise BackupFailed(f"The backup names no columns for the rows of {table}.")
        head += piece
    columns, _, first = head.partition(b"\n")
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, json.loads(columns)))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(first)
        for piece in rest:
            copy.write(piece)

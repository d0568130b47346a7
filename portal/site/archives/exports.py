"""The tables that a lab may export, written as CSV or JSON in batches, in constant memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.http import HttpRequest

from portal.access.reporting.exports import COVERAGE, DECISIONS, GRANTS, HOLDS, REQUESTS, Export
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.delivery.models import Download
from portal.site.archives.csv_lines import csv_line

__all__ = ["EXPORTS", "FORMS", "Export", "stream"]

BATCH = 500
DOWNLOADS = Export(
    "downloads",
    "Downloads",
    "Every range of a file that was fetched; addresses only for 30 days",
    Download,
    "revision__repo",
    {
        "download": "pk",
        "person": "person__username",
        "file": "file__path",
        "commit": "revision__commit",
        "sha256": "file__blob_id",
        "range_start": "range_start",
        "length_bytes": "length_bytes",
        "bytes_sent": "bytes_sent",
        "status_code": "status_code",
        "ip": "ip",
        "started_at": "started_at",
        "ended_at": "ended_at",
    },
)
EXPORTS = {
    export.slug: export for export in (REQUESTS, DECISIONS, GRANTS, COVERAGE, HOLDS, DOWNLOADS)
}
FORMS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def _as_csv(export: Export, rows: list[tuple[Any, ...]], *, first: bool) -> str:
    head = csv_line(export.columns) if first else ""
    return head + "".join(csv_line(row[1:]) for row in rows)


def _as_json(export: Export, rows: list[tuple[Any, ...]], *, first: bool) -> str:
    """Write rows of one JSON array, a row a line. The batch without rows closes the array."""
    lines = [
        json.dumps(dict(zip(export.columns, row[1:], strict=True)), cls=DjangoJSONEncoder)
        for row in rows
    ]
    joined = ",\n".join(lines)
    if not rows:
        return "[]\n" if first else "\n]\n"
    return f"[\n{joined}" if first else f",\n{joined}"


Writer = Callable[..., str]
WRITERS: dict[str, Writer] = {"csv": _as_csv, "json": _as_json}


def stream(
    request: HttpRequest, export: Export, repo: ModelRepo, form: str, reader: User
) -> Iterator[bytes] | AsyncIterator[bytes]:
    """Return the export's bytes, as an async iterator under ASGI: queries never block its loop."""
    pieces = _Pieces(export, repo, form, reader)
    return _later(pieces) if isinstance(request, ASGIRequest) else _now(pieces)


class _Pieces:
    """The batches of an export, each read after the last key, so that no cursor stays open."""

    def __init__(self, export: Export, repo: ModelRepo, form: str, reader: User) -> None:
        self.export, self.repo, self.write = export, repo, WRITERS[form]
        self.reader = reader
        self.after, self.first, self.over = 0, True, False

    def next(self) -> bytes:
        rows = self.export.batch(self.repo, self.reader, after=self.after, size=BATCH)
        text = self.write(self.export, rows, first=self.first)
        self.first, self.over = False, not rows
        self.after = rows[-1][0] if rows else self.after
        return text.encode()


def _now(pieces: _Pieces) -> Iterator[bytes]:
    while not pieces.over:
        yield pieces.next()


async def _later(pieces: _Pieces) -> AsyncIterator[bytes]:
    while not pieces.over:
        yield await asyncio.to_thread(_in_thread, pieces)


def _in_thread(pieces: _Pieces) -> bytes:
    """Write the next batch in a worker thread, and close the connection that thread opened."""
    try:
        return pieces.next()
    finally:
        connection.close()

"""Read the logbook of a received revision: checked when it comes, kept when it passes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from portal.catalog.contents import Content
from portal.catalog.errors import NotPublishable
from portal.catalog.logbook.services import (
    LOGBOOK_FILES,
    RawEntry,
    fresh_entries,
    read_folder_logbook,
)
from portal.catalog.models import ModelRepo
from portal.storage import blob_store

LARGEST_LOGBOOK_BYTES = 64 << 20


def new_entries(standing: Mapping[str, Content], contents: Mapping[str, Content]) -> list[RawEntry]:
    """Return the entries of a logbook that is new or changed. Raises NotPublishable."""
    books = [contents[name] for name in LOGBOOK_FILES if name in contents]
    # Most commits leave the logbook as it is; reading it from a bucket would cost each of them.
    if all(book == standing.get(book.path) for book in books):
        return []
    if too_large := [book.path for book in books if book.size_bytes > LARGEST_LOGBOOK_BYTES]:
        raise NotPublishable([f"{too_large[0]} is over 64 MB: keep what is older elsewhere"])
    with tempfile.TemporaryDirectory() as scratch:
        for book in books:
            with blob_store().open(book.sha256) as source:
                Path(scratch, book.path).write_bytes(source.read())
        entries, problems = read_folder_logbook(Path(scratch))
    if problems:
        raise NotPublishable(problems[:20])
    return entries


def require_entries(repo: ModelRepo, entries: list[RawEntry], now: datetime) -> None:
    """Raise NotPublishable where an entry amends one that isn't there; keep nothing yet."""
    _, problems = fresh_entries(repo, entries, now=now) if entries else ([], [])
    if problems:
        raise NotPublishable(problems)

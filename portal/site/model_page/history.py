"""List the revisions of a model, as its page of history shows them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Sum

from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import File, ModelRepo, Revision
from portal.catalog.services.lookup import refs_seen
from portal.hub.history import ancestor_keys, revisions_at

PAGE_SIZE = 50


@dataclass(frozen=True)
class HistoryRow:
    """A revision with its branches and tags, and how much it holds."""

    revision: Revision
    names: list[str]
    file_count: int
    size_bytes: int


def read_history(
    repo: ModelRepo, revision: Revision, caller: Caller | None, number: str | None
) -> tuple[Page[Any], list[HistoryRow]]:
    """Return a page of a revision and those before it, newest first, in five queries."""
    page = Paginator(ancestor_keys(revision), PAGE_SIZE).get_page(number)
    names = _names(repo, caller)
    held = _held(list(page))
    return page, [
        HistoryRow(row, names.get(row.pk, []), *held.get(row.pk, (0, 0)))
        for row in revisions_at(page)
    ]


def _names(repo: ModelRepo, caller: Caller | None) -> dict[int, list[str]]:
    names: dict[int, list[str]] = {}
    for ref in refs_seen(repo, caller):
        names.setdefault(ref.revision_id, []).append(ref.name)
    return names


def _held(keys: Collection[int]) -> dict[int, tuple[int, int]]:
    """Count the files and bytes of each revision, in one query."""
    files = File.in_history.filter(revision__in=keys).order_by().values("revision")
    rows = files.annotate(files=Count("pk"), size_bytes=Sum("blob__size_bytes"))
    return {row["revision"]: (row["files"], row["size_bytes"]) for row in rows}

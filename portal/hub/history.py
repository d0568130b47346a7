"""A revision's past: its ancestors, and where each path last changed."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from portal.catalog.models import File, Revision


def ancestors(revision: Revision) -> list[Revision]:
    """The revision and those before it, newest first; one query."""
    rows = Revision.objects.filter(repo=revision.repo).select_related("author")
    known = {row.pk: row for row in rows}
    chain: list[Revision] = []
    current: int | None = revision.pk
    while current is not None:
        chain.append(known[current])
        current = known[current].parent_id
    return chain


def last_changes(revision: Revision, paths: Iterable[str]) -> dict[str, Revision]:
    """For each path, the revision that gave it the content it has now."""
    chain = ancestors(revision)
    wanted = list(paths)
    rows = File.objects.filter(revision__in=chain, path__in=wanted)
    held = {
        (revision_id, path): blob
        for revision_id, path, blob in rows.values_list("revision_id", "path", "blob_id")
    }
    return {path: _last_change(chain, path, held) for path in wanted}


def _last_change(chain: list[Revision], path: str, held: dict[tuple[int, str], str]) -> Revision:
    for newer, older in pairwise(chain):
        if held.get((older.pk, path)) != held.get((newer.pk, path)):
            return newer
    return chain[-1]

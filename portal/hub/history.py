"""Find a revision's ancestors, and where each path last changed."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from portal.catalog.models import File, Revision


def ancestor_keys(revision: Revision) -> list[int]:
    """List the keys of the revision and those before it, newest first, in one query.

    The history of a shown revision is that of everybody: what was held back on the way is not in
    it. That of one in quarantine is its publishers' own, and whole.
    """
    # All parents of the repo in one query: walking up row by row would take one for each revision.
    rows = Revision.in_history.filter(repo=revision.repo).order_by()
    whole = revision.is_quarantined
    parents, seen = {}, set()
    for row in rows.only("parent_id", "passed_at"):
        parents[row.pk] = row.parent_id
        if whole or not row.is_quarantined:
            seen.add(row.pk)
    chain: list[int] = []
    current: int | None = revision.pk
    while current is not None:
        if current in seen:
            chain.append(current)
        current = parents[current]
    return chain


def revisions_at(keys: Iterable[int]) -> list[Revision]:
    """Load revisions with their authors, in the order of the keys, in one query."""
    wanted = list(keys)
    known = Revision.in_history.select_related("author").in_bulk(wanted)
    return [known[key] for key in wanted]


def last_changes(revision: Revision, paths: Iterable[str]) -> dict[str, Revision]:
    """Return for each path the revision that gave it the content it has now."""
    chain = ancestor_keys(revision)
    wanted = list(paths)
    rows = File.in_history.filter(revision__in=chain, path__in=wanted).order_by()
    blobs = {
        (revision_id, path): blob
        for revision_id, path, blob in rows.values_list("revision_id", "path", "blob_id")
    }
    changed = {path: _last_change(chain, path, blobs) for path in wanted}
    known = Revision.in_history.in_bulk(set(changed.values()))
    return {path: known[key] for path, key in changed.items()}


def _last_change(chain: list[int], path: str, blobs: dict[tuple[int, str], str]) -> int:
    for newer, older in pairwise(chain):
        if blobs.get((older, path)) != blobs.get((newer, path)):
            return newer
    return chain[-1]

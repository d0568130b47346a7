"""Move branches and tags: at once for those who publish a repo, for others when a check passes."""

from __future__ import annotations

from typing import Any

from portal.catalog.models import ModelRepo, PendingRef, Ref, Revision
from portal.catalog.models.revisions import NamedRevision

Kind = NamedRevision.Kind


def tip_of(repo: ModelRepo, branch: str) -> Revision | None:
    """Return the newest revision of a branch, as those see it who publish the repo."""
    named = {"kind": Kind.BRANCH, "name": branch}
    for refs in (repo.pending_refs, repo.refs):
        if ref := refs.filter(**named).select_related("revision").first():
            revision: Revision = ref.revision
            revision.repo = repo
            return revision
    return None


def is_named(repo: ModelRepo, kind: NamedRevision.Kind, name: str) -> bool:
    """Tell whether there is a branch or tag of that name, in quarantine too."""
    named = {"kind": kind, "name": name}
    return repo.refs.filter(**named).exists() or repo.pending_refs.filter(**named).exists()


def point(
    repo: ModelRepo, kind: NamedRevision.Kind, name: str, revision: Revision
) -> Ref | PendingRef:
    """Let a branch or tag name a revision; others see that once the revision has passed."""
    named: dict[str, Any] = {"repo": repo, "kind": kind, "name": name}
    if revision.is_quarantined:
        pending, _ = PendingRef.objects.update_or_create(**named, defaults={"revision": revision})
        follow(repo)
        return pending
    PendingRef.objects.filter(**named).delete()
    ref, _ = Ref.objects.update_or_create(**named, defaults={"revision": revision})
    return ref


def unname(repo: ModelRepo, kind: NamedRevision.Kind, name: str) -> None:
    """Delete a branch or tag, for everybody."""
    for refs in (repo.pending_refs, repo.refs):
        refs.filter(kind=kind, name=name).delete()


def follow(repo: ModelRepo) -> None:
    """Lead others to what has passed: a branch to the newest such in its line, a tag to its own.

    A line that has none leaves the branch where others see it.
    """
    waiting = list(repo.pending_refs.select_related("revision"))
    if not waiting:
        return
    parents, passed = _history(repo)
    for pending in waiting:
        newest: int | None = pending.revision_id
        while pending.kind == Kind.BRANCH and newest is not None and newest not in passed:
            newest = parents[newest]
        if newest is None or newest not in passed:
            continue
        Ref.objects.update_or_create(
            repo=repo, kind=pending.kind, name=pending.name, defaults={"revision_id": newest}
        )
        if newest == pending.revision_id:
            pending.delete()


def line_before(repo: ModelRepo, parent: Revision | None) -> tuple[Revision | None, list[int]]:
    """Return the newest that has passed, from ``parent`` back, and the keys of those after it."""
    parents, passed = _history(repo)
    waiting: list[int] = []
    newest = parent.pk if parent else None
    while newest is not None and newest not in passed:
        waiting.append(newest)
        newest = parents[newest]
    before = Revision.everything.filter(pk=newest).first() if newest is not None else None
    return before, waiting


def _history(repo: ModelRepo) -> tuple[dict[int, int | None], set[int]]:
    """Return each revision's parent, and which have passed: two queries for the whole repo."""
    revisions = Revision.everything.filter(repo=repo).order_by()
    parents: dict[int, int | None] = dict(revisions.values_list("pk", "parent_id"))
    return parents, set(revisions.passed().values_list("pk", flat=True))

"""Look up repos, revisions and files by the names that clients use."""

from __future__ import annotations

import re
from collections.abc import Collection

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.tokens.authentication import Caller
from portal.catalog.contents import Content
from portal.catalog.errors import EntryNotFound, RepoMoved, RepoNotFound, RevisionNotFound
from portal.catalog.models import File, FormerName, ModelRepo, PendingRef, Ref, Revision

COMMIT = re.compile(r"[0-9a-f]{40}")
HEX = re.compile(r"[0-9a-f]{7,39}")
DEFAULT_BRANCH = "main"
NOTHING_HERE = gettext_lazy("There’s nothing at this address, or nothing you may know of.")
HEAD = "HEAD"
"""Some clients' name of the default branch; a ref that bears the name comes before it."""


def find_repo(full_name: str, *, caller: Caller) -> ModelRepo:
    """Return the repo of that name, if the caller may know of it.

    Raises RepoNotFound, or RepoMoved for a name that a repo bore before.
    """
    repo = ModelRepo.objects.named(full_name).with_names().first()
    if repo is not None and _is_known(repo, caller):
        return repo
    if moved := _moved(full_name, caller):
        raise RepoMoved(full_name, moved.full_name)
    raise RepoNotFound(str(NOTHING_HERE))


def _is_known(repo: ModelRepo, caller: Caller) -> bool:
    """Return whether the caller may know of a repo; only private ones cost a query."""
    return not repo.private or (
        ModelRepo.objects.visible_through(caller).filter(pk=repo.pk).exists()
    )


def _moved(full_name: str, caller: Caller) -> ModelRepo | None:
    """Return the repo that bore this name before, if the caller may know of it."""
    namespace, _, name = full_name.partition("/")
    former = FormerName.objects.filter(namespace__name__iexact=namespace, name__iexact=name)
    visible = ModelRepo.objects.visible_through(caller)
    return visible.filter(pk__in=former.values("repo")).with_names().first()


def sees_quarantine(repo: ModelRepo, caller: Caller | None) -> bool:
    """Return whether the caller may see what waits for its check; asks nothing for nobody known."""
    if caller is None or caller.person is None:
        return False
    return ModelRepo.objects.quarantine_open_to(caller).filter(pk=repo.pk).exists()


def find_revision(
    repo: ModelRepo, name: str = DEFAULT_BRANCH, *, caller: Caller | None = None
) -> Revision:
    """Return a revision by branch, tag, commit or a commit's unambiguous beginning.

    Everybody is led to what has passed its check; a ``caller`` who publishes the repo, to the head
    of its line. Raises RevisionNotFound.
    """
    revision, _ = _longest(repo, [name], caller)
    return revision


def split_revision(
    repo: ModelRepo, rest: str, *, caller: Caller | None = None
) -> tuple[Revision, str]:
    """Read ``revision/path`` where either may hold slashes: the longest known ref wins."""
    parts = rest.strip("/").split("/")
    names = ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]
    revision, name = _longest(repo, names, caller)
    return revision, "/".join(parts[name.count("/") + 1 :])


def _longest(repo: ModelRepo, names: list[str], caller: Caller | None) -> tuple[Revision, str]:
    """Return the longest of ``names`` that stands for a revision, in few queries.

    A full commit comes first: it is what clients ask for, and no ref may look like one.
    """
    shortest = names[-1]  # a commit has no slash, so only the first part of the path can be one
    if COMMIT.fullmatch(shortest) and (revision := _by_commit(repo, shortest, caller)):
        return revision, shortest
    refs = _refs(repo, names, caller)
    for name in names:
        if name in refs:
            return refs[name], name
    if HEX.fullmatch(shortest) and (revision := _by_commit(repo, shortest, caller)):
        return revision, shortest
    raise RevisionNotFound(
        _("%(model)s has no revision %(revision)s.")
        % {"model": repo.full_name, "revision": shortest}
    )


def _by_commit(repo: ModelRepo, start: str, caller: Caller | None) -> Revision | None:
    revisions = list(Revision.objects.filter(repo=repo, commit__startswith=start)[:2])
    if not revisions and sees_quarantine(repo, caller):
        revisions = list(Revision.in_history.filter(repo=repo, commit__startswith=start)[:2])
    if len(revisions) != 1:
        return None
    revisions[0].repo = repo
    return revisions[0]


def _refs(repo: ModelRepo, names: list[str], caller: Caller | None) -> dict[str, Revision]:
    """Return revisions by every spelling of their refs; a branch wins over a tag of its name."""
    bare = {name.removeprefix("refs/heads/").removeprefix("refs/tags/") for name in names}
    if HEAD in bare:
        bare.add(DEFAULT_BRANCH)
    spelt = {}
    for ref in sorted(refs_seen(repo, caller, bare), key=lambda ref: ref.kind, reverse=True):
        ref.revision.repo = repo
        spelt[ref.full_name] = spelt[ref.name] = ref.revision
    if DEFAULT_BRANCH in spelt:
        spelt.setdefault(HEAD, spelt[DEFAULT_BRANCH])
    return spelt


def refs_seen(
    repo: ModelRepo, caller: Caller | None, names: Collection[str] | None = None
) -> list[Ref | PendingRef]:
    """List a repo's branches and tags as the caller sees them, by name; all, or those named.

    Whoever publishes the repo sees them where they were moved to, before the check has passed.
    """
    narrowed = {} if names is None else {"name__in": names}
    pending = PendingRef.objects.filter(repo=repo, **narrowed).select_related("revision")
    # Most repos have nothing in quarantine, which the first query tells at no cost of another.
    waits = Exists(PendingRef.objects.filter(repo=OuterRef("repo")))
    known = Ref.objects.filter(repo=repo, **narrowed).select_related("revision")
    refs = list(known.annotate(waits=waits))
    seen: dict[tuple[str, str], Ref | PendingRef] = {(ref.kind, ref.name): ref for ref in refs}
    is_somebody = caller is not None and caller.person is not None
    if is_somebody and (not refs or refs[0].waits):
        waiting = list(pending)
        if waiting and sees_quarantine(repo, caller):
            seen |= {(ref.kind, ref.name): ref for ref in waiting}
    return sorted(seen.values(), key=lambda ref: ref.name)


def file_of_commit(repo: ModelRepo, rest: str) -> File | None:
    """Read ``commit/path`` in one query, which is how clients ask for nearly every file."""
    commit, _, path = rest.partition("/")
    if not COMMIT.fullmatch(commit):
        return None
    files = File.objects.select_related("blob", "revision").filter(path=path)
    file = files.filter(revision__repo=repo, revision__commit=commit).first()
    if file is not None:
        file.revision.repo = repo
    return file


def contents_of(revision: Revision) -> dict[str, Content]:
    """Return a revision's files by path, as contents of another may be made of."""
    files = revision.all_files().select_related("blob")
    return {file.path: content_of(file) for file in files}


def content_of(file: File) -> Content:
    blob = file.blob
    return Content(file.path, blob.sha256, blob.git_sha1, blob.size_bytes, lfs=file.lfs)


def find_file(revision: Revision, path: str) -> File:
    """Return the file at a path. Raises EntryNotFound."""
    file = revision.all_files().select_related("blob").filter(path=path).first()
    if file is None:
        raise EntryNotFound(path, revision.commit)
    file.revision = revision
    return file


def head_revision(
    repo: ModelRepo, branch: str = DEFAULT_BRANCH, *, caller: Caller | None = None
) -> Revision | None:
    """Return a branch's newest revision that the caller may see; None before there is one."""
    try:
        return find_revision(repo, f"refs/heads/{branch}", caller=caller)
    except RevisionNotFound:
        return None

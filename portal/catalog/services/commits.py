"""Make a revision from the one before it: add, copy and delete files, in order."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from django.db import transaction

from portal.accounts.models import User
from portal.catalog import folder_checks
from portal.catalog.contents import Content
from portal.catalog.errors import EntryNotFound, NotPublishable, StaleParent
from portal.catalog.logbook.services import LOGBOOK_FILES, RawEntry, read_folder_logbook
from portal.catalog.models import File, ModelRepo, Revision
from portal.catalog.paths import require_path, require_tree
from portal.catalog.services.companion_files import GENERATED, with_notices
from portal.catalog.services.lookup import DEFAULT_BRANCH, find_file, find_revision
from portal.catalog.services.pickle_scan import pickles_among
from portal.catalog.services.refs import branch_head
from portal.catalog.services.repos import locked_for_publishing
from portal.catalog.services.revisions import release_revision
from portal.errors import Invalid
from portal.storage import blob_store

MOST_FILES = 10_000
LARGEST_LOGBOOK_BYTES = 64 << 20
Contents = dict[str, Content]


@dataclass(frozen=True)
class Add:
    """An added file: bytes that the store holds, under a path."""

    content: Content


@dataclass(frozen=True)
class Copy:
    """A copy of a file to another path, from ``revision``, or the branch's own where empty."""

    source: str
    path: str
    revision: str = ""


@dataclass(frozen=True)
class Delete:
    """The removal of a file, or of a folder with all that is in it."""

    path: str


Change = Add | Copy | Delete


@transaction.atomic
def commit_changes(
    *,
    actor: User,
    repo_id: int,
    branch: str,
    changes: Sequence[Change],
    title: str,
    now: datetime,
    message: str = "",
    parent: str = "",
) -> Revision:
    """Make a branch's next revision; without a change in content it stays where it is.

    ``parent`` is the commit that the changes were made for, or its beginning: a branch that has
    moved on is refused. Licence, notice and checksums are brought up to date.
    """
    repo = locked_for_publishing(actor, repo_id)
    head = branch_head(repo, branch)
    head.repo = repo
    if not head.commit.startswith(parent.lower()):
        raise StaleParent
    standing = contents_of(head)
    # Changes apply in order, as in git: a file may be copied and its source deleted in one commit.
    contents = _changed(standing, changes, head)
    _require_fit(repo, standing, contents)
    complete = with_notices(repo, contents, now)
    require_tree(complete.keys() | GENERATED, standing=complete.keys() & standing.keys())
    name = branch.removeprefix("refs/heads/")
    return release_revision(
        actor=actor,
        repo_id=repo.pk,
        contents=list(complete.values()),
        title=title,
        message=message,
        now=now,
        entries=_entries(standing, complete) if name == DEFAULT_BRANCH else (),
        branch=name,
    )


def contents_of(revision: Revision) -> Contents:
    files = File.objects.filter(revision=revision).select_related("blob")
    return {file.path: _content(file) for file in files}


def _content(file: File) -> Content:
    blob = file.blob
    return Content(file.path, blob.sha256, blob.git_sha1, blob.size_bytes, lfs=file.lfs)


def _changed(standing: Contents, changes: Iterable[Change], head: Revision) -> Contents:
    contents = dict(standing)
    for change in changes:
        match change:
            case Add(content):
                path, present = require_path(content.path), contents.get(content.path)
                contents[path] = present if present == content else content
            case Copy(source, path, revision):
                copied = _copied(contents, source, revision, head)
                contents[require_path(path)] = replace(copied, path=path)
            case Delete(path):
                _delete(contents, path.strip("/"), head)
    return contents


def _copied(contents: Contents, source: str, revision: str, head: Revision) -> Content:
    if revision:
        return _content(find_file(find_revision(head.repo, revision), source))
    if source not in contents:
        raise EntryNotFound(source, head.commit)
    return contents[source]


def _delete(contents: Contents, path: str, head: Revision) -> None:
    inside = [
        inner_path
        for inner_path in contents
        if inner_path == path or inner_path.startswith(f"{path}/")
    ]
    if not inside or not path:
        # The Hub's clients search the message for these words.
        message = f"A file with this name doesn't exist: {path or '/'}"
        raise EntryNotFound(path, head.commit, message)
    for inner_path in inside:
        del contents[inner_path]


def _require_fit(repo: ModelRepo, standing: Contents, contents: Contents) -> None:
    """Check the files that the branch doesn't hold yet. Raises Invalid or NotPublishable."""
    if len(contents) > MOST_FILES:
        raise Invalid(f"A model holds {MOST_FILES:,} files at most. Pack small ones together.")
    fresh = [content for path, content in contents.items() if content != standing.get(path)]
    problems = [folder_checks.file_problem(content.path, content.size_bytes) for content in fresh]
    pickles = [] if repo.pickles_allowed else pickles_among(fresh)
    all_problems = [
        *filter(None, problems),
        *(folder_checks.pickle_problem(content.path) for content in pickles),
    ]
    if all_problems:
        raise NotPublishable(all_problems[:20])


def _entries(standing: Contents, contents: Contents) -> list[RawEntry]:
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

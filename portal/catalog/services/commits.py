"""Make a revision from the one before it: add, copy and delete files, in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.tokens.authentication import Caller
from portal.catalog import folder_checks
from portal.catalog.contents import Content
from portal.catalog.errors import EntryNotFound, NotPublishable, StaleParent
from portal.catalog.logbook.stored import new_entries, require_entries
from portal.catalog.models import ModelRepo, Revision
from portal.catalog.paths import require_path, require_tree
from portal.catalog.quarantine.checking import check_soon
from portal.catalog.quarantine.consenting import give_consent
from portal.catalog.services.companion_files import GENERATED, with_notices
from portal.catalog.services.lookup import (
    DEFAULT_BRANCH,
    content_of,
    contents_of,
    find_file,
    find_revision,
)
from portal.catalog.services.pickle_scan import how_to_take_pickles, pickle_problems
from portal.catalog.services.refs import branch_head
from portal.catalog.services.repos import locked_for_publishing
from portal.catalog.services.revisions import receive_revision
from portal.catalog.statements import NO_CONSENT, Consent
from portal.errors import Invalid

MOST_FILES = 10_000
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
    consent: Consent = NO_CONSENT,
) -> Revision:
    """Make a branch's next revision, and check it: here where little is to be read, else later.

    Return it as it is then. It is its publishers' at once, whatever comes of the check.
    """
    revision = receive_changes(
        actor=actor,
        repo_id=repo_id,
        branch=branch,
        changes=changes,
        title=title,
        now=now,
        message=message,
        parent=parent,
        consent=consent,
    )
    return check_soon(revision, timezone.now)


@transaction.atomic
def receive_changes(
    *,
    actor: User,
    repo_id: int,
    branch: str,
    changes: Sequence[Change],
    title: str,
    now: datetime,
    message: str = "",
    parent: str = "",
    consent: Consent = NO_CONSENT,
) -> Revision:
    """Make a branch's next revision, in quarantine; without a change in content it stays as it is.

    ``parent`` is the commit that the changes were made for, or its beginning: a branch that has
    moved on is refused. Licence, notice and checksums are brought up to date. ``consent`` is what
    its publisher agrees to with it.
    """
    repo = locked_for_publishing(actor, repo_id)
    head = branch_head(repo, branch)
    head.repo = repo
    if not head.commit.startswith(parent.lower()):
        raise StaleParent
    standing = contents_of(head)
    # Changes apply in order, as in git: a file may be copied and its source deleted in one commit.
    contents = _changed(actor, standing, changes, head)
    _require_fit(repo, standing, contents)
    complete = with_notices(repo, contents, now)
    require_tree(complete.keys() | GENERATED, standing=complete.keys() & standing.keys())
    name = branch.removeprefix("refs/heads/")
    if name == DEFAULT_BRANCH:
        require_entries(repo, new_entries(standing, complete), now)
    revision = receive_revision(
        actor=actor,
        repo_id=repo.pk,
        contents=list(complete.values()),
        title=title,
        message=message,
        now=now,
        branch=name,
    )
    if consent:
        give_consent(actor=actor, revision=revision, consent=consent, now=now)
    return revision


def _changed(
    actor: User, standing: Contents, changes: Iterable[Change], head: Revision
) -> Contents:
    contents = dict(standing)
    for change in changes:
        match change:
            case Add(content):
                path, present = require_path(content.path), contents.get(content.path)
                contents[path] = present if present == content else content
            case Copy(source, path, revision):
                copied = _copied(actor, contents, source, revision, head)
                contents[require_path(path)] = replace(copied, path=path)
            case Delete(path):
                _delete(contents, path.strip("/"), head)
    return contents


def _copied(actor: User, contents: Contents, source: str, revision: str, head: Revision) -> Content:
    if revision:
        named = find_revision(head.repo, revision, caller=Caller(actor))
        return content_of(find_file(named, source))
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
    pickles = pickle_problems(fresh, allowed=repo.pickles_allowed)
    all_problems = [*filter(None, problems), *pickles][:20]
    if all_problems:
        remedy = [how_to_take_pickles(repo)] if pickles and not repo.pickles_allowed else []
        raise NotPublishable([*all_problems, *remedy])

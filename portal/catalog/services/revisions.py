"""Make a revision, in one transaction, from a list of files whose bytes are stored already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.contents import Content
from portal.catalog.models import ModelRepo, Ref, Revision, RevisionCheck
from portal.catalog.models.checks import LEASE
from portal.catalog.quarantine.naming import point, tip_of
from portal.catalog.quarantine.passing import add_files, keep_entries_of_main, pass_revision
from portal.catalog.services.companion_files import GENERATED, brought
from portal.catalog.services.lookup import DEFAULT_BRANCH, head_revision
from portal.parsing.texts import require_text

LONGEST_TITLE = 200
LONGEST_MESSAGE = 10_000


def commit_id(
    repo: ModelRepo,
    parent: Revision | None,
    title: str,
    contents: Sequence[Content],
    message: str = "",
) -> str:
    """Return 40 hex digits that name exactly this content after exactly that history."""
    content: dict[str, object] = {
        "repo": repo.pk,
        "parent": parent.commit if parent else None,
        "title": title,
        "files": sorted([file.path, file.sha256] for file in contents),
    }
    if message:  # left out where empty, so that commits from before messages keep their names
        content["message"] = message
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:40]


def standing_revision(repo: ModelRepo, contents: Sequence[Content], branch: str) -> Revision | None:
    """Return the branch's newest revision, if it holds exactly these files."""
    head = tip_of(repo, branch)
    if head is None:
        return None
    # Generated files differ each time, as signatures do, so they don't make a revision another.
    head_files = head.all_files().exclude(path__in=GENERATED).values_list("path", "blob_id")
    return (
        head
        if set(head_files) == {(content.path, content.sha256) for content in brought(contents)}
        else None
    )


@transaction.atomic
def release_revision(
    *,
    actor: User,
    repo_id: int,
    contents: Sequence[Content],
    title: str,
    now: datetime,
    branch: str = DEFAULT_BRANCH,
    message: str = "",
    facts: Mapping[str, Any] | None = None,
) -> Revision:
    """Make ``contents`` the newest revision of a branch for everybody, unless they are so already.

    Checksums and the signed manifest are added here, and whatever came under their names is left
    out. ``facts`` go into the event. The caller has checked the right to publish and the files, and
    stored the bytes.
    """
    # The lock puts publishings in order: the second has the first one's revision as its parent.
    repo = (
        ModelRepo.objects.select_for_update(of=("self",), no_key=True).with_names().get(pk=repo_id)
    )
    revision = standing_revision(repo, contents, branch)
    if revision is None:
        revision = make_revision(
            repo, tip_of(repo, branch), contents, actor=actor, title=title, message=message, now=now
        )
    before = head_revision(repo)
    point(repo, Ref.Kind.BRANCH, branch, revision)
    keep_entries_of_main(repo, before, now)
    pass_revision(revision, actor=actor, now=now, facts=facts)
    return revision


@transaction.atomic
def receive_revision(
    *,
    actor: User,
    repo_id: int,
    contents: Sequence[Content],
    title: str,
    now: datetime,
    branch: str = DEFAULT_BRANCH,
    message: str = "",
) -> Revision:
    """Make ``contents`` the newest revision of a branch, in quarantine until its check has passed.

    Contents that are there already change nothing. The caller has checked the right to publish and
    stored the bytes.
    """
    repo = (
        ModelRepo.objects.select_for_update(of=("self",), no_key=True).with_names().get(pk=repo_id)
    )
    if standing := standing_revision(repo, contents, branch):
        return standing
    revision = make_revision(
        repo, tip_of(repo, branch), contents, actor=actor, title=title, message=message, now=now
    )
    if revision.is_quarantined:
        # Whoever receives it is the first to check it, or to leave that to a worker.
        leased = {"received_at": now, "lease_until": now + LEASE}
        RevisionCheck.objects.get_or_create(revision=revision, defaults=leased)
    before = head_revision(repo)
    point(repo, Ref.Kind.BRANCH, branch, revision)
    keep_entries_of_main(repo, before, now)
    record(
        EventType.REVISION_RECEIVED,
        actor=actor,
        target=revision,
        at=now,
        repo=repo.full_name,
        commit=revision.commit,
        branch=branch,
    )
    return revision


def make_revision(
    repo: ModelRepo,
    parent: Revision | None,
    contents: Sequence[Content],
    *,
    actor: User,
    title: str,
    message: str,
    now: datetime,
) -> Revision:
    """Make a revision of the files that were brought; it begins in quarantine, unsigned.

    Two branches that make the same change to the same revision share the result. A hidden revision
    that is made again is shown again: somebody has published it anew.
    """
    missing = "Say in one line what changes."
    require_text(title, "summary", missing=missing, at_most=LONGEST_TITLE)
    require_text(message, "description", at_most=LONGEST_MESSAGE)
    revision, is_new = Revision.everything.get_or_create(
        repo=repo,
        commit=commit_id(repo, parent, title, brought(contents), message),
        defaults={
            "parent": parent,
            "title": title,
            "message": message,
            "author": actor,
            "created_at": now,
        },
    )
    revision.repo = repo
    if is_new:
        add_files(revision, brought(contents))
    elif Revision.everything.filter(pk=revision.pk).show():
        revision.hidden_at = None
    return revision

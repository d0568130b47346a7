"""Make a revision, in one transaction, from a list of files whose bytes are stored already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Sum

from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.contents import Content
from portal.catalog.lfs_rules import rules_of
from portal.catalog.logbook.services import RawEntry, add_entries
from portal.catalog.models import (
    Blob,
    File,
    ManifestKey,
    ModelRepo,
    Ref,
    Revision,
    RevisionSignature,
)
from portal.catalog.services.companion_files import GENERATED, Signed, brought, complete
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
    head = head_revision(repo, branch)
    if head is None:
        return None
    # Generated files differ each time, as signatures do, so they don't make a revision another.
    head_files = head.files.exclude(path__in=GENERATED).values_list("path", "blob_id")
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
    entries: Iterable[RawEntry] = (),
    branch: str = DEFAULT_BRANCH,
    message: str = "",
    facts: Mapping[str, Any] | None = None,
) -> Revision:
    """Make ``contents`` the newest revision of a branch, unless they are so already.

    Checksums and the signed manifest are added here, and whatever came under their names is left
    out. ``facts`` go into the event. The caller has checked the right to publish and stored the
    bytes.
    """
    # The lock puts publishings in order: the second has the first one's revision as its parent.
    repo = ModelRepo.objects.select_for_update(of=("self",)).with_names().get(pk=repo_id)
    if standing := standing_revision(repo, contents, branch):
        return standing
    parent = head_revision(repo, branch)
    revision = make_revision(
        repo, parent, contents, actor=actor, title=title, message=message, now=now
    )
    Ref.objects.update_or_create(
        repo=repo, kind=Ref.Kind.BRANCH, name=branch, defaults={"revision": revision}
    )
    add_entries(repo, list(entries), now=now)
    sizes = revision.files.aggregate(files=Count("pk"), size_bytes=Sum("blob__size_bytes"))
    record(
        EventType.REVISION_PUBLISHED,
        actor=actor,
        target=revision,
        at=now,
        repo=repo.full_name,
        commit=revision.commit,
        **sizes,
        **_signature_of(revision),
        **(facts or {}),
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
    """Complete and sign a revision.

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
    if is_new:
        signed = complete(repo, contents, now)
        _add_files(revision, signed.contents)
        _add_signature(revision, signed, now)
    elif not revision.is_shown:
        Revision.everything.filter(pk=revision.pk).show()
        revision.refresh_from_db()
    return revision


def _signature_of(revision: Revision) -> dict[str, str]:
    signatures = RevisionSignature.objects.filter(revision=revision).values(
        "blob_id", "key__fingerprint"
    )
    signature = signatures.first()
    return (
        {"signature": signature["blob_id"], "key": signature["key__fingerprint"]}
        if signature
        else {}
    )


def _add_signature(revision: Revision, signed: Signed, now: datetime) -> None:
    if signed.signature is None:
        return
    key, _ = ManifestKey.objects.get_or_create(
        fingerprint=signed.key_fingerprint,
        defaults={"public_pem": signed.public_key, "first_used_at": now},
    )
    RevisionSignature.objects.create(
        revision=revision, key=key, blob_id=signed.signature.sha256, signed_at=now
    )


def _add_files(revision: Revision, contents: Sequence[Content]) -> None:
    rules = rules_of({content.path: content for content in contents})
    Blob.objects.bulk_create(
        [
            Blob(sha256=file.sha256, git_sha1=file.git_sha1, size_bytes=file.size_bytes)
            for file in {file.sha256: file for file in contents}.values()
        ],
        ignore_conflicts=True,
    )
    File.objects.bulk_create(
        [
            File(
                revision=revision,
                path=file.path,
                blob_id=file.sha256,
                lfs=rules.is_lfs(file.path, file.size_bytes) if file.lfs is None else file.lfs,
            )
            for file in contents
        ]
    )

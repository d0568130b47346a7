"""How a revision comes to be: from a list of files whose bytes are stored, in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import Blob, File, ModelRepo, Ref, Revision
from portal.catalog.services.logbook import RawEntry, add_entries
from portal.catalog.services.reading import DEFAULT_BRANCH, head_revision

LFS_SUFFIXES = (".safetensors", ".gguf", ".npz", ".onnx")
LFS_FROM_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class Content:
    """A path in a revision and the stored bytes that it stands for."""

    path: str
    sha256: str
    git_sha1: str
    size_bytes: int

    @property
    def lfs(self) -> bool:
        return self.path.endswith(LFS_SUFFIXES) or self.size_bytes >= LFS_FROM_BYTES


def commit_id(
    repo: ModelRepo,
    parent: Revision | None,
    title: str,
    contents: Sequence[Content],
    message: str = "",
) -> str:
    """40 hex digits that name exactly this content after exactly that history."""
    content: dict[str, object] = {
        "repo": repo.pk,
        "parent": parent.commit if parent else None,
        "title": title,
        "files": sorted([file.path, file.sha256] for file in contents),
    }
    if message:
        content["message"] = message
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:40]


def _unchanged(head: Revision | None, contents: Sequence[Content]) -> bool:
    if head is None:
        return False
    standing = set(head.files.values_list("path", "blob_id"))
    return standing == {(file.path, file.sha256) for file in contents}


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
) -> Revision:
    """Make ``contents`` the newest revision of a branch; the same again makes no new one.

    Two branches that take the same step from the same place come to the same revision.

    Who may is asked by the caller, and the bytes lie in the store.
    """
    repo = ModelRepo.objects.select_for_update(of=("self",)).with_names().get(pk=repo_id)
    head = head_revision(repo, branch)
    if head is not None and _unchanged(head, contents):
        return head
    commit = commit_id(repo, head, title, contents, message)
    revision, is_new = Revision.objects.get_or_create(
        repo=repo,
        commit=commit,
        defaults={
            "parent": head,
            "title": title,
            "message": message,
            "author": actor,
            "created_at": now,
        },
    )
    if is_new:
        add_files(revision, contents)
    Ref.objects.update_or_create(
        repo=repo, kind=Ref.Kind.BRANCH, name=branch, defaults={"revision": revision}
    )
    add_entries(repo, list(entries), now=now)
    record(
        EventType.REVISION_PUBLISHED,
        actor=actor,
        target=revision,
        at=now,
        repo=repo.full_name,
        commit=revision.commit,
        files=len(contents),
        size_bytes=sum(file.size_bytes for file in contents),
    )
    return revision


def add_files(revision: Revision, contents: Sequence[Content]) -> None:
    Blob.objects.bulk_create(
        [
            Blob(sha256=file.sha256, git_sha1=file.git_sha1, size_bytes=file.size_bytes)
            for file in {file.sha256: file for file in contents}.values()
        ],
        ignore_conflicts=True,
    )
    File.objects.bulk_create(
        [
            File(revision=revision, path=file.path, blob_id=file.sha256, lfs=file.lfs)
            for file in contents
        ]
    )

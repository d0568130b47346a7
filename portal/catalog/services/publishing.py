"""From a folder to a revision: checked, hashed, stored, then released in one transaction."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import transaction

from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog import checks
from portal.catalog.errors import NotPublishable
from portal.catalog.models import Blob, File, ModelRepo, Ref, Revision
from portal.catalog.services.licences import licence_files
from portal.catalog.services.logbook import LOGBOOK_FILE, RawEntry, add_entries, read_logbook
from portal.catalog.services.reading import DEFAULT_BRANCH, head_revision
from portal.catalog.services.repos import require_may_publish
from portal.storage import BlobStore, blob_store

LFS_SUFFIXES = (".safetensors", ".gguf", ".npz", ".onnx")
LFS_FROM_BYTES = 10 * 1024 * 1024
CHUNK_BYTES = 1 << 20
SUMS_FILE = "SHA256SUMS"

Progress = Callable[[str, int], None]
"""Called with a file's path and the bytes just done."""


@dataclass(frozen=True)
class Hashed:
    """A file on its way in: ``path`` as it will stand in the revision."""

    path: str
    source: Path
    sha256: str
    git_sha1: str
    size_bytes: int

    @property
    def lfs(self) -> bool:
        return self.path.endswith(LFS_SUFFIXES) or self.size_bytes >= LFS_FROM_BYTES


def hash_file(source: Path, path: str, progress: Progress | None = None) -> Hashed:
    """sha256 of the bytes, and git's blob sha1, in one reading."""
    size = source.stat().st_size
    sha256, sha1 = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size)  # noqa: S324, git's
    with source.open("rb") as content:
        while chunk := content.read(CHUNK_BYTES):
            sha256.update(chunk)
            sha1.update(chunk)
            if progress:
                progress(path, len(chunk))
    return Hashed(path, source, sha256.hexdigest(), sha1.hexdigest(), size)


def check_folder(folder: Path, *, supplied: Collection[str] = ()) -> list[RawEntry]:
    """The folder's logbook, once nothing stands in the way. Raises NotPublishable.

    ``supplied``: what publishing adds by itself, so that the folder needs none.
    """
    found = checks.problems(folder, supplied=supplied)
    entries: list[RawEntry] = []
    if (folder / LOGBOOK_FILE).is_file():
        entries, wrong = read_logbook(folder / LOGBOOK_FILE)
        found += wrong
    if found:
        raise NotPublishable(found)
    return entries


def publish_revision(
    *,
    actor: User,
    repo_id: int,
    folder: Path,
    title: str,
    now: datetime,
    progress: Progress | None = None,
) -> Revision:
    """Release a folder as the newest revision of ``main``.

    Where the folder has no LICENSE or NOTICE, the licence in force gives its own. Bytes are stored
    before the transaction: a crash in between leaves blobs that the next attempt finds again, and
    no half-made revision. The same files again make no new revision.
    """
    repo = ModelRepo.objects.with_names().get(pk=repo_id)
    require_may_publish(actor, repo.namespace)
    notices = licence_files(repo, now)
    entries = check_folder(folder, supplied=notices)
    with tempfile.TemporaryDirectory() as scratch:
        hashed = _hash_all(folder, notices, Path(scratch), progress)
        _store_all(hashed, blob_store())
        return _release(
            actor=actor, repo_id=repo.pk, hashed=hashed, entries=entries, title=title, now=now
        )


def _hash_all(
    folder: Path, notices: dict[str, str], scratch: Path, progress: Progress | None
) -> list[Hashed]:
    sources = {path.relative_to(folder).as_posix(): path for path in checks.scan(folder)}
    sources.pop(SUMS_FILE, None)
    for name, text in notices.items():
        if name not in sources:
            sources[name] = scratch / name
            sources[name].write_bytes(text.encode())
    hashed = [hash_file(sources[path], path, progress) for path in sorted(sources)]
    sums = scratch / SUMS_FILE
    sums.write_text("".join(f"{file.sha256}  {file.path}\n" for file in hashed))
    return [*hashed, hash_file(sums, SUMS_FILE)]


def _store_all(hashed: list[Hashed], store: BlobStore) -> None:
    for file in hashed:
        store.put(file.source, file.sha256)


def commit_id(repo: ModelRepo, parent: Revision | None, title: str, hashed: list[Hashed]) -> str:
    """40 hex digits that name exactly this content after exactly that history."""
    content = {
        "repo": repo.pk,
        "parent": parent.commit if parent else None,
        "title": title,
        "files": sorted([file.path, file.sha256] for file in hashed),
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:40]


def _unchanged(head: Revision | None, hashed: list[Hashed]) -> bool:
    if head is None:
        return False
    standing = set(head.files.values_list("path", "blob_id"))
    return standing == {(file.path, file.sha256) for file in hashed}


@transaction.atomic
def _release(
    *,
    actor: User,
    repo_id: int,
    hashed: list[Hashed],
    entries: list[RawEntry],
    title: str,
    now: datetime,
) -> Revision:
    repo = ModelRepo.objects.select_for_update(of=("self",)).with_names().get(pk=repo_id)
    head = head_revision(repo)
    if head is not None and _unchanged(head, hashed):
        return head
    revision = Revision.objects.create(
        repo=repo,
        commit=commit_id(repo, head, title, hashed),
        parent=head,
        title=title,
        author=actor,
        created_at=now,
    )
    _add_files(revision, hashed)
    Ref.objects.update_or_create(
        repo=repo, kind=Ref.Kind.BRANCH, name=DEFAULT_BRANCH, defaults={"revision": revision}
    )
    add_entries(repo, entries, now=now)
    record(
        EventType.REVISION_PUBLISHED,
        actor=actor,
        target=revision,
        at=now,
        repo=repo.full_name,
        commit=revision.commit,
        files=len(hashed),
        size_bytes=sum(file.size_bytes for file in hashed),
    )
    return revision


def _add_files(revision: Revision, hashed: list[Hashed]) -> None:
    Blob.objects.bulk_create(
        [
            Blob(sha256=file.sha256, git_sha1=file.git_sha1, size_bytes=file.size_bytes)
            for file in {file.sha256: file for file in hashed}.values()
        ],
        ignore_conflicts=True,
    )
    File.objects.bulk_create(
        [
            File(revision=revision, path=file.path, blob_id=file.sha256, lfs=file.lfs)
            for file in hashed
        ]
    )

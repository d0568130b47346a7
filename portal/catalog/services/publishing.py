"""From a folder to a revision: checked, hashed, stored, then released in one transaction."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from portal.accounts.models import User
from portal.catalog import checks
from portal.catalog.errors import NotPublishable
from portal.catalog.models import ModelRepo, Revision
from portal.catalog.services.licences import licence_files
from portal.catalog.services.logbook import LOGBOOK_FILE, RawEntry, read_logbook
from portal.catalog.services.repos import require_may_publish
from portal.catalog.services.revisions import Content, release_revision
from portal.storage import BlobStore, blob_store

CHUNK_BYTES = 1 << 20
SUMS_FILE = "SHA256SUMS"

Progress = Callable[[str, int], None]
"""Called with a file's path and the bytes just done."""


@dataclass(frozen=True)
class Hashed(Content):
    """A file on its way in, and where its bytes lie."""

    source: Path


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
    return Hashed(path, sha256.hexdigest(), sha1.hexdigest(), size, source)


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
        return release_revision(
            actor=actor, repo_id=repo.pk, contents=hashed, entries=entries, title=title, now=now
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

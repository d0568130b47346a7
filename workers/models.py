"""Put a revision's files into a folder that the engine can read."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from django.conf import settings

from portal.catalog.load_check import is_needed
from portal.catalog.models import File, Revision
from portal.storage import BlobStore, CorruptBlob, blob_store

CHUNK_BYTES = 1 << 20


def materialise(revision: Revision) -> Path:
    """Make ``$WEIGHTGATE_VAR/models/<commit>``, whole or not at all, and return its path.

    Does nothing where the folder is there. Raises BlobMissing, CorruptBlob.
    """
    folder = settings.VAR / "models" / revision.commit
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{revision.commit}-"))
    try:
        for file in revision.files.select_related("blob"):
            if is_needed(file.path):
                _place(file, draft / file.path, blob_store())
        _publish(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _publish(draft: Path, folder: Path) -> None:
    try:
        draft.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another worker was first; its files are the same
            raise


def _place(file: File, target: Path, store: BlobStore) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    local = store.local_path(file.blob_id)
    if local is not None:
        _link(local, target)
    else:
        _fetch(file, target, store)
    if target.stat().st_size != file.blob.size_bytes:
        raise CorruptBlob(f"{file.path}: its size is not the revision's")


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        target.symlink_to(source)


def _fetch(file: File, target: Path, store: BlobStore) -> None:
    with store.open(file.blob_id) as source, target.open("wb") as out:
        shutil.copyfileobj(source, out, CHUNK_BYTES)

"""Read the config.json of a model's files."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from inference.model_files.json_files import MAX_BYTES
from portal.catalog.errors import EntryNotFound
from portal.catalog.models import File, Revision
from portal.parsing.json import read_object
from portal.storage import blob_store

CONFIG = "config.json"


def config_of(revision: Revision) -> dict[str, Any]:
    """Return a revision's config.json. Raises EntryNotFound without one, Invalid, BlobMissing."""
    return read_config(_blob_of(revision.pk, revision.commit))


def read_config(sha256: str) -> dict[str, Any]:
    """Return a stored config.json. Raises Invalid for what is no JSON object, and BlobMissing."""
    return dict(_read(sha256))


# By key and commit: the files of a revision never change.
@lru_cache(maxsize=256)
def _blob_of(revision_id: int, commit: str) -> str:
    file = File.objects.filter(revision_id=revision_id, path=CONFIG).first()
    if file is None:
        raise EntryNotFound(CONFIG, commit)
    return file.blob_id


# By hash: the bytes never change.
@lru_cache(maxsize=256)
def _read(sha256: str) -> dict[str, Any]:
    with blob_store().open(sha256) as content:
        return read_object(content.read(MAX_BYTES + 1))  # what is longer is refused there

"""Choose which engine serves a model: the one that its lab names, else by its architecture."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from inference.model_files.json_files import MAX_BYTES
from portal.catalog.models import EngineName, File, ModelRepo, Revision
from portal.errors import DomainError
from portal.parsing.json import read_object
from portal.storage import BlobMissing, blob_store

CONFIG = "config.json"
OPT = "opt"


def engine_of(repo: ModelRepo, revision: Revision) -> EngineName:
    """Return the engine that serves a revision of a repo."""
    if repo.engine:
        return EngineName(repo.engine)
    return _by_architecture(revision.pk)


def chosen_engine(repo: ModelRepo, config: Mapping[str, Any]) -> EngineName:
    """Return the engine that serves files with this config.json."""
    return EngineName(repo.engine) if repo.engine else engine_for(config)


def engine_for(config: Mapping[str, Any]) -> EngineName:
    """Return the engine for an architecture."""
    return EngineName.NATIVE if config.get("model_type") == OPT else EngineName.VLLM


# By key: the files of a revision never change.
@lru_cache(maxsize=256)
def _by_architecture(revision_id: int) -> EngineName:
    """Read a revision's config.json; without one it is nobody's, and the native engine says so."""
    file = File.objects.filter(revision_id=revision_id, path=CONFIG).first()
    if file is None:
        return EngineName.NATIVE
    try:
        with blob_store().open(file.blob_id) as content:
            return engine_for(read_object(content.read(MAX_BYTES + 1)))
    except (DomainError, BlobMissing):
        return EngineName.NATIVE

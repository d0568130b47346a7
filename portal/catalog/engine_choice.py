"""Choose which engine serves a model: the one that its lab names, else by its architecture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from inference.model_files.json_files import MAX_BYTES
from portal.catalog.contents import Content
from portal.catalog.models import EngineName, File, ModelRepo, Revision
from portal.errors import DomainError
from portal.parsing.json import read_object
from portal.storage import BlobMissing, blob_store

CONFIG = "config.json"
OPT = "opt"
WRITE_TEXT = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")


def engine_of(repo: ModelRepo, revision: Revision) -> EngineName:
    """Return the engine that serves a revision of a repo."""
    if repo.engine:
        return EngineName(repo.engine)
    return _by_architecture(revision.pk)


def trying_engine(contents: Iterable[Content], chosen: str) -> EngineName | None:
    """Return the engine that is to try files before they are published; None for no engine.

    ``chosen``: the model's own setting. Where that is empty, only architectures that write text are
    tried in vLLM: others are released for their files alone.
    """
    if chosen:
        return EngineName(chosen)
    config = next((content for content in contents if content.path == CONFIG), None)
    try:
        described = _config(config.sha256) if config else {}
    except (DomainError, BlobMissing):
        return EngineName.NATIVE  # whose reader says what is wrong with it
    if config is None or described.get("model_type") == OPT:
        return EngineName.NATIVE
    names = described.get("architectures")
    writes = isinstance(names, list) and any(str(name).endswith(WRITE_TEXT) for name in names)
    return EngineName.VLLM if writes else None


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
        return engine_for(_config(file.blob_id))
    except (DomainError, BlobMissing):
        return EngineName.NATIVE


def _config(sha256: str) -> dict[str, Any]:
    with blob_store().open(sha256) as content:
        return read_object(content.read(MAX_BYTES + 1))

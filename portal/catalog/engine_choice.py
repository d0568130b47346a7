"""Choose which engine serves a model: the one that its lab names, else by its architecture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from portal.catalog.contents import Content
from portal.catalog.models import EngineName, ModelRepo, Revision
from portal.catalog.services.model_config import CONFIG, config_of, read_config
from portal.errors import DomainError
from portal.storage import BlobMissing

OPT = "opt"
WRITE_TEXT = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")


def engine_of(repo: ModelRepo, revision: Revision) -> EngineName:
    """Return the engine that serves a revision of a repo."""
    if repo.engine:
        return EngineName(repo.engine)
    try:
        return engine_for(config_of(revision))
    except (DomainError, BlobMissing):  # nobody's: the native engine says so
        return EngineName.NATIVE


def trying_engine(contents: Iterable[Content], chosen: str) -> EngineName | None:
    """Return the engine that is to try files before they are published; None for no engine.

    ``chosen``: the model's own setting. Where that is empty, only architectures that write text are
    tried in vLLM: others are released for their files alone.
    """
    if chosen:
        return EngineName(chosen)
    file = next((content for content in contents if content.path == CONFIG), None)
    if file is None:
        return EngineName.NATIVE
    try:
        config = read_config(file.sha256)
    except (DomainError, BlobMissing):
        return EngineName.NATIVE  # whose reader says what is wrong with it
    if engine_for(config) == EngineName.NATIVE:
        return EngineName.NATIVE
    names = config.get("architectures")
    writes = isinstance(names, list) and any(str(name).endswith(WRITE_TEXT) for name in names)
    return EngineName.VLLM if writes else None


def engine_for(config: Mapping[str, Any]) -> EngineName:
    """Return the engine for an architecture."""
    return EngineName.NATIVE if config.get("model_type") == OPT else EngineName.VLLM

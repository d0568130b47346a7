"""Derive a model's tags as the Hub does: from its card and from the files beside that."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

TRANSFORMERS = "transformers"
PIPELINE = "text-generation"
FORMATS = ("safetensors", "gguf", "onnx")
LOADED_BY_TRANSFORMERS = (".safetensors", ".bin")
LICENCE = "license:"
MOST_TAGS = 200
LONGEST_TAG = 100


@dataclass(frozen=True)
class Derived:
    """A model's tags; ``library`` and ``pipeline`` are empty where nothing names one."""

    library: str
    pipeline: str
    tags: list[str]


def derive(metadata: dict[str, Any], paths: Collection[str]) -> Derived:
    """Derive what the Hub would; the card's word goes before what the files look like."""
    library = _first(metadata.get("library_name")) or _library(paths)
    pipeline = _first(metadata.get("pipeline_tag"))
    if not pipeline and library == TRANSFORMERS and _library(paths):
        pipeline = PIPELINE
    tags = [library, *_formats(paths), pipeline, *_stated(metadata)]
    return Derived(library, pipeline, list(dict.fromkeys(filter(None, tags)))[:MOST_TAGS])


def with_licence(tags: list[str], slug: str) -> list[str]:
    """Put the portal's licence in the place of what the card says of one."""
    others = [tag for tag in tags if not tag.startswith(LICENCE)]
    return [*others, f"{LICENCE}other", f"{LICENCE}{slug}"]


def _library(paths: Collection[str]) -> str:
    weights = any(path.endswith(LOADED_BY_TRANSFORMERS) for path in paths)
    return TRANSFORMERS if weights and "config.json" in paths else ""


def _formats(paths: Collection[str]) -> list[str]:
    return [name for name in FORMATS if any(path.endswith(f".{name}") for path in paths)]


def _stated(metadata: dict[str, Any]) -> list[str]:
    relation = _first(metadata.get("base_model_relation"))
    bases = texts_of(metadata.get("base_model"))
    return [
        *texts_of(metadata.get("tags")),
        *texts_of(metadata.get("language")),
        *(f"dataset:{name}" for name in texts_of(metadata.get("datasets"))),
        *(f"base_model:{name}" for name in bases),
        *(f"base_model:{relation}:{name}" for name in bases if relation),
        *(f"{LICENCE}{name}" for name in texts_of(metadata.get("license"))),
        *(["model-index"] if metadata.get("model-index") else []),
    ]


def _first(value: Any) -> str:
    return next(iter(texts_of(value)), "")


def texts_of(value: Any) -> list[str]:
    """Read one text or several; YAML takes the language ``no`` for false."""
    values = value if isinstance(value, list) else [value]
    texts = ["no" if text is False else text for text in values]
    return [text for text in texts if isinstance(text, str) and 0 < len(text) <= LONGEST_TAG]

"""The settings of a model as plain values, and what changed in the words of its page."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from portal.catalog.models import ModelRepo

LABELS = {
    "summary": "summary",
    "why_gated": "why there is a gate",
    "family": "family",
    "parameters": "parameters",
    "context_length": "context length",
    "licence": "licence",
    "download_gate": "gate of downloads",
    "inference_gate": "gate of hosted use",
    "hosted": "hosted use",
    "engine": "engine",
    "tool_parser": "tool parser",
    "prompt_days": "days of prompts",
    "pickles_allowed": "pickles",
    "private": "visibility",
}


def setting_values(repo: ModelRepo) -> dict[str, Any]:
    """Return the name and each setting of a model as plain values; the licence by its slug."""
    licence = repo.licence.slug if repo.licence else None
    values = {name: getattr(repo, name) for name in LABELS}
    return {"name": repo.full_name, **values, "licence": licence}


def changed_labels(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Name the settings that differ."""
    return [label for name, label in LABELS.items() if before[name] != after[name]]


def fingerprint(values: dict[str, Any]) -> str:
    """Return a short hash of a model's settings, by which a page tells if others changed them."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]

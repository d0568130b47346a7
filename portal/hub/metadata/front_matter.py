"""Read a card's metadata: the YAML between two lines of ``---`` at its head."""

from __future__ import annotations

from typing import Any

from portal.catalog.formats.card import LARGEST_CARD_BYTES
from portal.catalog.models import Revision
from portal.parsing.cards import read_head
from portal.parsing.yaml import NotYaml
from portal.storage import blob_store

CARD = "README.md"
LICENCES = frozenset(
    [
        "afl-3.0",
        "agpl-3.0",
        "apache-2.0",
        "apple-amlr",
        "apple-ascl",
        "artistic-2.0",
        "bigcode-openrail-m",
        "bigscience-bloom-rail-1.0",
        "bigscience-openrail-m",
        "bsd",
        "bsd-2-clause",
        "bsd-3-clause",
        "bsd-3-clause-clear",
        "bsl-1.0",
        "c-uda",
        "cc",
        "cc-by-2.0",
        "cc-by-2.5",
        "cc-by-3.0",
        "cc-by-4.0",
        "cc-by-nc-2.0",
        "cc-by-nc-3.0",
        "cc-by-nc-4.0",
        "cc-by-nc-nd-3.0",
        "cc-by-nc-nd-4.0",
        "cc-by-nc-sa-2.0",
        "cc-by-nc-sa-3.0",
        "cc-by-nc-sa-4.0",
        "cc-by-nd-4.0",
        "cc-by-sa-3.0",
        "cc-by-sa-4.0",
        "cc0-1.0",
        "cdla-permissive-1.0",
        "cdla-permissive-2.0",
        "cdla-sharing-1.0",
        "creativeml-openrail-m",
        "deepfloyd-if-license",
        "ecl-2.0",
        "epl-1.0",
        "epl-2.0",
        "etalab-2.0",
        "eupl-1.1",
        "eupl-1.2",
        "fair-noncommercial-research-license",
        "gemma",
        "gfdl",
        "gpl",
        "gpl-2.0",
        "gpl-3.0",
        "grok2-community",
        "h-research",
        "intel-research",
        "isc",
        "lgpl",
        "lgpl-2.1",
        "lgpl-3.0",
        "lgpl-lr",
        "llama2",
        "llama3",
        "llama3.1",
        "llama3.2",
        "llama3.3",
        "llama4",
        "lppl-1.3c",
        "mit",
        "mpl-2.0",
        "ms-pl",
        "ncsa",
        "odbl",
        "odc-by",
        "ofl-1.1",
        "openmdw-1.0",
        "openrail",
        "openrail++",
        "osl-3.0",
        "other",
        "pddl",
        "postgresql",
        "unknown",
        "unlicense",
        "wtfpl",
        "zlib",
    ]
)


def read_metadata(card: str) -> dict[str, Any]:
    """Read the card's head. Return nothing where there is none, or one that can't be read."""
    try:
        return read_head(card) or {}
    except NotYaml:
        return {}


def problems(content: dict[str, Any]) -> list[str]:
    """List what is wrong with a card's metadata, as clients show it before a commit."""
    licence = content.get("license")
    licences = licence if isinstance(licence, list) else [licence]
    if licence is None or all(isinstance(name, str) and name in LICENCES for name in licences):
        return []
    return [
        f'"license" must be one of [{", ".join(sorted(LICENCES))}]. For a licence of your own, '
        'write "other" and its name in "license_name".'
    ]


def card_of(revision: Revision) -> str:
    """Return the text of a revision's README.md; empty where there is none to read."""
    file = revision.all_files().select_related("blob").filter(path=CARD).first()
    if file is None or file.blob.size_bytes > LARGEST_CARD_BYTES:
        return ""
    return card_text(file.blob_id)


def card_text(sha256: str) -> str:
    """Read a card's bytes, whatever they are, as text. Raises BlobMissing."""
    with blob_store().open(sha256) as content:
        return content.read().decode("utf-8", "replace")

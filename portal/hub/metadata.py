"""What a card says of its model in YAML, between two lines of ``---`` at its head."""

from __future__ import annotations

import re
from typing import Any

import yaml

from portal.catalog.models import Revision
from portal.storage import blob_store

CARD = "README.md"
LARGEST_CARD_BYTES = 1_000_000
LONGEST_HEAD = 50_000
HEAD = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)(?:\r?\n)?---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
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


class NotMetadata(ValueError):
    """The head of the card isn’t YAML, or not what a card may say."""


def read_metadata(card: str) -> dict[str, Any]:
    """Empty where there is none, and where it can’t be read."""
    try:
        return parse_metadata(card) or {}
    except NotMetadata:
        return {}


def parse_metadata(card: str) -> dict[str, Any] | None:
    """None where the card has no such head. Raises NotMetadata."""
    found = HEAD.match(card)
    if found is None:
        return None
    if len(found[1]) > LONGEST_HEAD:
        raise NotMetadata(f"it is longer than {LONGEST_HEAD:,} characters")
    try:
        for event in yaml.parse(found[1], Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise NotMetadata("leave out aliases (*name): with them a small text becomes huge")
        content = yaml.safe_load(found[1])
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise NotMetadata(" ".join(str(error).split())) from error
    if content is not None and not isinstance(content, dict):
        raise NotMetadata("it must hold names and values")
    return content or {}


def problems(content: dict[str, Any]) -> list[str]:
    """What is said in a form that nobody reads."""
    licence = content.get("license")
    named = licence if isinstance(licence, list) else [licence]
    if licence is None or all(isinstance(each, str) and each in LICENCES for each in named):
        return []
    return [
        f'"license" must be one of [{", ".join(sorted(LICENCES))}]. For a licence of your own, '
        'write "other" and its name in "license_name".'
    ]


def card_of(revision: Revision) -> str:
    """The text of its README.md; empty where there is none to read."""
    file = revision.files.select_related("blob").filter(path=CARD).first()
    if file is None or file.blob.size_bytes > LARGEST_CARD_BYTES:
        return ""
    with blob_store().open(file.blob_id) as content:
        return content.read().decode("utf-8", "replace")

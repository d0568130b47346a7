"""A licence in short and its text as paragraphs and headings; its words are never touched."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from portal.catalog.models import LicenceVersion

SUMMARY = {
    "may": ("You may", "tick"),
    "must": ("You must", "sign"),
    "must_not": ("You must not", "declined"),
}


@dataclass(frozen=True)
class LicenceBlock:
    kind: str  # heading or text
    text: str


@dataclass(frozen=True)
class SummaryColumn:
    """One heading of the summary, with the terms under it."""

    title: str
    icon: str
    terms: list[str]


def in_short(
    version: LicenceVersion, keys: Collection[str] = tuple(SUMMARY)
) -> list[SummaryColumn]:
    """Summarize the licence under its headings, so that no prohibition reads as a duty."""
    return [
        SummaryColumn(*SUMMARY[key], terms) for key in keys if (terms := version.terms.get(key))
    ]


def blocks(text: str) -> list[LicenceBlock]:
    """Paragraphs apart at blank lines; a line that begins with ``#`` is a heading."""
    found = []
    for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip()):
        first, _, rest = part.partition("\n")
        if first.startswith("#"):
            found.append(LicenceBlock("heading", first.lstrip("#").strip()))
            part = rest
        if part.strip():
            found.append(LicenceBlock("text", _unwrapped(part)))
    return found


def _unwrapped(paragraph: str) -> str:
    """Hard-wrapped lines joined; a line that begins an item of a list stays a line."""
    return re.sub(r"\n(?!\s*([-*•]|[ivx]+\.|[a-z0-9]{1,2}[.)])\s)\s*", " ", paragraph.strip())

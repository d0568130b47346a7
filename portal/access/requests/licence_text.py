"""Summarize a licence, and split its text into headings and paragraphs without changing words."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from django.utils.translation import gettext_lazy

from portal.catalog.models import LicenceVersion
from portal.text.languages import ENGLISH

SUMMARY = {
    "may": (gettext_lazy("You may"), "tick"),
    "must": (gettext_lazy("You must"), "sign"),
    "must_not": (gettext_lazy("You must not"), "declined"),
}


@dataclass(frozen=True)
class LicenceBlock:
    """A heading or a paragraph of a licence."""

    kind: str  # heading or text
    text: str


@dataclass(frozen=True)
class SummaryColumn:
    """One heading of the summary, with the terms under it."""

    title: str
    icon: str
    terms: list[str]
    language: str  # the licence's, in which the terms are

    @property
    def sentences(self) -> list[str]:
        """The terms as whole sentences in English, for programs, which get no headings.

        Of another language the term follows the heading as it is.
        """
        if not self.language.startswith(ENGLISH):
            return [f"{self.title}: {term}" for term in self.terms]
        return [f"{self.title} {_uncapitalized(term).rstrip('.')}." for term in self.terms]


def _uncapitalized(term: str) -> str:
    """Write the first letter small, unless its word is a name in capitals."""
    return term if term[1:2].isupper() else f"{term[:1].lower()}{term[1:]}"


def in_short(
    version: LicenceVersion, keys: Collection[str] = tuple(SUMMARY)
) -> list[SummaryColumn]:
    """Summarize the licence under its headings, so that no prohibition reads as a duty."""
    return [
        SummaryColumn(str(heading), icon, terms, version.language)
        for key in keys
        if (terms := version.terms.get(key))
        for heading, icon in [SUMMARY[key]]
    ]


def blocks(text: str) -> list[LicenceBlock]:
    """Split a text at blank lines; a line that begins with ``#`` is a heading."""
    parsed = []
    for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip()):
        first, _, rest = part.partition("\n")
        if first.startswith("#"):
            parsed.append(LicenceBlock("heading", first.lstrip("#").strip()))
            part = rest
        if part.strip():
            parsed.append(LicenceBlock("text", _unwrapped(part)))
    return parsed


def _unwrapped(paragraph: str) -> str:
    """Join hard-wrapped lines; a line that begins an item of a list stays a line of its own."""
    return re.sub(r"\n(?!\s*([-*•]|[ivx]+\.|[a-z0-9]{1,2}[.)])\s)\s*", " ", paragraph.strip())

"""What differs between two texts of a licence, paragraph by paragraph."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

from portal.access.requests.licence_text import LicenceBlock, blocks


@dataclass(frozen=True)
class TextChange:
    """What was taken out and what was put in; ``kept`` paragraphs stand unchanged before it."""

    kept: int
    removed: list[LicenceBlock]
    added: list[LicenceBlock]


def changes(older: str, newer: str) -> tuple[list[TextChange], int]:
    """The changes in order, and how many paragraphs stand unchanged after the last."""
    before, after = blocks(older), blocks(newer)
    found, kept = [], 0
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            kept = i2 - i1
            continue
        found.append(TextChange(kept, before[i1:i2], after[j1:j2]))
        kept = 0
    return found, kept

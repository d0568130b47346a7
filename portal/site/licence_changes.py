"""The difference between two texts of a licence, paragraph by paragraph."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

from portal.access.requests.licence_text import LicenceBlock, blocks


@dataclass(frozen=True)
class TextChange:
    """Paragraphs that were removed and added; ``kept`` unchanged ones come before them."""

    kept: int
    removed: list[LicenceBlock]
    added: list[LicenceBlock]


def changes(older: str, newer: str) -> tuple[list[TextChange], int]:
    """Return the changes in order, and the number of unchanged paragraphs after the last."""
    before, after = blocks(older), blocks(newer)
    differences, unchanged = [], 0
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            unchanged = i2 - i1
            continue
        differences.append(TextChange(unchanged, before[i1:i2], after[j1:j2]))
        unchanged = 0
    return differences, unchanged

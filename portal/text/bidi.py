"""Isolate names in right-to-left scripts within sentences written from the left."""

from __future__ import annotations

import unicodedata

FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"
RIGHT_TO_LEFT = {"R", "AL", "AN", "RLE", "RLO", "RLI", "LRO", "LRE", "LRI", "FSI", "PDF", "PDI"}


def isolated(text: str) -> str:
    """Isolate a text from the sentence around it, so that neither reorders the other’s words.

    In plain text; a page has ``<bdi>`` for it. Most names need nothing, and stay as they are.
    """
    if not any(unicodedata.bidirectional(character) in RIGHT_TO_LEFT for character in text):
        return text
    return f"{FIRST_STRONG_ISOLATE}{text}{POP_ISOLATE}"

"""A state as a page shows it: a word, its tone and its icon."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mark:
    """Tone, words and icon of ``{% mark %}``."""

    tone: str
    text: str
    icon: str

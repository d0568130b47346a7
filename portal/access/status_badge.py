"""A status as a page shows it: a word, its tone and its icon."""

from __future__ import annotations

from dataclasses import dataclass

from portal.text.languages import Words


@dataclass(frozen=True)
class StatusBadge:
    """The tone, words and icon that ``{% badge %}`` renders."""

    tone: str
    text: Words
    icon: str

"""A licence's text as paragraphs and headings; the words themselves are never touched."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    kind: str  # heading or text
    text: str


def blocks(text: str) -> list[Block]:
    """Paragraphs apart at blank lines; a line that begins with ``#`` is a heading."""
    found = []
    for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip()):
        first, _, rest = part.partition("\n")
        if first.startswith("#"):
            found.append(Block("heading", first.lstrip("#").strip()))
            part = rest
        if part.strip():
            found.append(Block("text", _unwrapped(part)))
    return found


def _unwrapped(paragraph: str) -> str:
    """Hard-wrapped lines joined; a line that begins an item of a list stays a line."""
    return re.sub(r"\n(?!\s*([-*•]|[ivx]+\.|[a-z0-9]{1,2}[.)])\s)\s*", " ", paragraph.strip())

"""Split a model card into the YAML metadata at its head and the text below."""

from __future__ import annotations

import re
from typing import Any

from portal.parsing.yaml import NotYaml, read_yaml

HEAD = re.compile(
    r"\A\ufeff?\s*---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)


class NamesNothing(NotYaml):
    """An error that the head is YAML, and no mapping."""


def text_below(card: str) -> str:
    """Cut the head off."""
    return HEAD.sub("", card, count=1)


def read_head(card: str) -> dict[str, Any] | None:
    """Read the metadata; None where the card has no head. Raises NotYaml."""
    head = HEAD.match(card)
    if head is None:
        return None
    content = read_yaml(head[1], first_line=1 + card.count("\n", 0, head.start(1)))
    if content is not None and not isinstance(content, dict):
        raise NamesNothing("it must hold names and values")
    return content or {}

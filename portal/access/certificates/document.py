"""What a certificate says, before it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Fact:
    """``code``: breaks anywhere, as a hash does."""

    label: str
    value: str
    code: bool = False


@dataclass(frozen=True)
class Document:
    title: str
    issuer: str
    facts: list[Fact]
    ticked: list[str]
    text_title: str
    text: str
    verify: str
    made_at: datetime
    record: dict[str, Any]

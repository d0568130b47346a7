"""The contents of a certificate, before it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Fact:
    """One line of the certificate. ``code``: its value may break anywhere, as a hash does."""

    label: str
    value: str
    code: bool = False


@dataclass(frozen=True)
class Document:
    """A certificate's text: facts, what was ticked, the licence, and how to verify it."""

    title: str
    issuer: str
    facts: list[Fact]
    ticked: list[str]
    text_title: str
    text: str
    verify: str
    made_at: datetime
    record: dict[str, Any]

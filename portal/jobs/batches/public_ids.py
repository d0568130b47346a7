"""Spell ids as OpenAI's clients know them: ``file-…``, ``batch_…``, and read them again."""

from __future__ import annotations

import re
from uuid import UUID

FILE_PREFIX, BATCH_PREFIX, COMPLETION_PREFIX = "file-", "batch_", "cmpl-"
HEX = re.compile(r"[0-9a-f]{32}")


def spelt(prefix: str, row_id: UUID) -> str:
    return f"{prefix}{row_id.hex}"


def read_id(prefix: str, public_id: str) -> UUID | None:
    """Return the row's id; None for what isn't spelt as one of ours."""
    digits = public_id.removeprefix(prefix)
    if not public_id.startswith(prefix) or not HEX.fullmatch(digits):
        return None
    return UUID(digits)

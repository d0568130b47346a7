"""Read pages as a browser does."""

from __future__ import annotations

import re

LINE_BREAK_AT_A_TAG = re.compile(r"(?<=>)\s*\n\s*|\s*\n\s*(?=<)")


def as_shown(page: str) -> str:
    """Drop a page's line breaks beside tags, and make each other run of white space one space."""
    return re.sub(r"\s+", " ", LINE_BREAK_AT_A_TAG.sub("", page))

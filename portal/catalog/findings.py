"""The result of checking a folder before it is published."""

from __future__ import annotations

from dataclasses import dataclass, field

TOLD_AT_MOST = 20  # of one kind in one file


@dataclass
class Findings:
    """The result of a check: what is ``missing`` and ``problems`` prevent publishing.

    ``warnings`` don't. What is missing may still come; a problem must be mended.
    """

    missing: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def first_problems(problems: list[str]) -> list[str]:
    """Return the first problems only: a thousand of one kind would hide the other kinds."""
    more = len(problems) - TOLD_AT_MOST
    return [*problems[:TOLD_AT_MOST], *([f"… and {more} more of that kind"] if more > 0 else [])]

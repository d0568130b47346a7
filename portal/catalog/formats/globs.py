"""Match paths against patterns as git reads them, in bounded time whatever the pattern."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

ESCAPED_WILDCARD, ESCAPED = re.compile(r"\\([*?[])"), re.compile(r"\\(.)")


def matches(parts: Sequence[str], pattern: str) -> bool:
    """Match a path, split at its slashes, against one pattern.

    A pattern without a slash is held against the last part alone; with one, against the whole.
    Each ``*`` is tried once (fnmatch translates to atomic groups), and ``**`` by counting the parts
    that may be used up, so work grows with the path's length times the pattern's.
    """
    if "/" not in pattern:
        return bool(parts) and fnmatchcase(parts[-1], _glob(pattern))
    wanted = pattern.removeprefix("/").split("/")
    reached = {0}  # how many parts of the path the pattern's parts so far may have used up
    for number, glob in enumerate(map(_glob, wanted), start=1):
        if glob == "**":
            fewest = 1 if number == len(wanted) else 0  # at the end: all that is inside
            reached = set(range(min(reached) + fewest, len(parts) + 1))
        else:
            reached = {
                used + 1 for used in reached if used < len(parts) and fnmatchcase(parts[used], glob)
            }
        if not reached:
            return False
    return len(parts) in reached


def _glob(pattern: str) -> str:
    """Return the pattern as fnmatch spells it."""
    return ESCAPED.sub(r"\1", ESCAPED_WILDCARD.sub(r"[\1]", pattern)).replace("[^", "[!")

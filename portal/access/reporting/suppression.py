"""Withhold small cells of a published table, so that nobody can be identified by them.

Where the total is published, a single withheld cell follows from the others. So a second one is
withheld too, and more until together they count enough people. Yesterday's table isn't considered:
whoever kept it may see by how much a cell has grown.
"""

from __future__ import annotations

from collections.abc import Sequence

FEW = 5  # a smaller count says more about single people than about the gate


def is_small(count: int) -> bool:
    return 0 < count < FEW


def withheld(counts: Sequence[int]) -> set[int]:
    """Return the indexes of the cells to withhold. Empty cells identify nobody, and are shown."""
    hidden = {place for place, count in enumerate(counts) if is_small(count)}
    if not hidden:
        return hidden
    large = (place for place, count in enumerate(counts) if count >= FEW)
    for candidate in sorted(large, key=lambda place: counts[place]):
        if len(hidden) > 1 and sum(counts[place] for place in hidden) >= FEW:
            break
        hidden.add(candidate)
    return hidden


def shown(count: int) -> int | None:
    """Return a count that isn't part of a table, or None where it is small."""
    return None if is_small(count) else count

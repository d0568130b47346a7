"""Withholding small cells of a published table, so that nobody is read out of it.

With the total published, one withheld cell is what the others leave; so another goes with it, and
more until those withheld hold enough between them. Releases are compared by nobody here: who
keeps yesterday's table may see by how much a cell grew.
"""

from __future__ import annotations

from collections.abc import Sequence

FEW = 5  # below it a figure says more of single people than of the gate


def is_small(count: int) -> bool:
    return 0 < count < FEW


def withheld(counts: Sequence[int]) -> set[int]:
    """The places of the cells to withhold. Empty cells tell of nobody, and are shown."""
    hidden = {place for place, count in enumerate(counts) if is_small(count)}
    if not hidden:
        return hidden
    others = (place for place, count in enumerate(counts) if count >= FEW)
    for place in sorted(others, key=lambda place: counts[place]):
        if len(hidden) > 1 and sum(counts[each] for each in hidden) >= FEW:
            break
        hidden.add(place)
    return hidden


def shown(count: int) -> int | None:
    """A count that stands alone; None where it is small."""
    return None if is_small(count) else count

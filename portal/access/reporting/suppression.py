"""Withhold small cells of published tables, and with them what would give them away.

A table's cells and its totals are the arcs of a network: what flows into a node flows out of it, as
rows add up to their totals. Whoever reads the table knows each published cell, and that a withheld
one isn't empty, since empty ones are shown; save those of a group of few people, all of whose cells
are withheld, since an empty one would say something of each of them.

A withheld cell can't be computed if another table, alike in all that is published, has another
value there; that is, if it lies on a circle of withheld arcs along which one more, or one less,
could flow. Where it doesn't, the cells of the cheapest such circle are withheld as well.

Nor may a published total, less what is published of its line, say that few people are in the rest:
where the withheld cells of a line are of few people together, its smallest other is withheld too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import count

FEW = 10  # people; a cell of fewer says more about them than about the gate

Node = Hashable
Key = Hashable


@dataclass(frozen=True)
class CountedCell:
    """A count as an arc between two nodes, and the number of people behind it.

    ``worth``: how many times as much as others it is missed where it is withheld.
    ``may_be_empty``: whether it is withheld though it be empty, as all of a group of few people.
    """

    tail: Node
    head: Node
    value: int
    people: int
    worth: int = 1
    may_be_empty: bool = False

    @property
    def is_small(self) -> bool:
        return self.value > 0 and self.people < FEW

    @property
    def least(self) -> int:
        """Return the least that it could be, for who reads that it is withheld."""
        return 0 if self.may_be_empty else 1


Cells = Mapping[Key, CountedCell]


@dataclass(frozen=True)
class SummedLine:
    """A total, and the cells that add up to it."""

    total: Key
    parts: tuple[Key, ...]


def withheld(cells: Cells, lines: Sequence[SummedLine]) -> set[Key]:
    """Return the cells to withhold: those of few people, and others that would tell of them.

    That is until none can be computed, and no line's rest is of few people. Raises ValueError for
    a small cell that no total could be withheld with.
    """
    hidden = {key for key, cell in cells.items() if cell.is_small or cell.may_be_empty}
    arcs = _arcs(cells)
    while True:
        _hide_circles(hidden, cells, arcs)
        smallest = {
            _smallest_other(line, cells, hidden) for line in lines if _is_short(line, cells, hidden)
        }
        if not smallest:
            return hidden
        hidden |= smallest


def _hide_circles(hidden: set[Key], cells: Cells, arcs: Arcs) -> None:
    """Withhold the cheapest circles until no withheld cell can be computed."""
    while exposed := [key for key in hidden if _circle(key, cells, arcs, hidden) is None]:
        key = min(exposed, key=lambda key: (cells[key].value, repr(key)))
        circle = _circle(key, cells, arcs, set(cells), already=hidden)
        if circle is None:
            raise ValueError(f"{key!r} has no total that could be withheld with it")
        hidden |= circle


def _is_short(line: SummedLine, cells: Cells, hidden: Set[Key]) -> bool:
    """Tell whether the line's total, which is shown, says that few people are in its rest."""
    people = sum(cells[key].people for key in line.parts if key in hidden)
    return line.total not in hidden and 0 < people < FEW


def _smallest_other(line: SummedLine, cells: Cells, hidden: Set[Key]) -> Key:
    """Return the line's smallest cell that is shown and not empty, as a total of many has one."""
    shown = [key for key in line.parts if key not in hidden and cells[key].value]
    return min(shown, key=lambda key: (cells[key].value, repr(key)))


def in_few(cells: Cells, groups: Mapping[Key, Sequence[Key]]) -> dict[Key, CountedCell]:
    """Mark the cells of groups of few people; ``groups``: the totals that each cell is part of.

    Totals come before their parts. A total that is shown as empty has no part that could hide it.
    """
    marked = dict(cells)
    for key, totals in groups.items():
        within = [marked[total] for total in totals]
        if any(total.is_small or total.may_be_empty for total in within) and all(
            total.value or total.may_be_empty for total in within
        ):
            marked[key] = replace(marked[key], may_be_empty=True)
    return marked


Arcs = Mapping[Node, list[tuple[Node, Key]]]


def _arcs(cells: Cells) -> Arcs:
    """Return where more or less may flow, so that each cell could be withheld as before."""
    arcs: dict[Node, list[tuple[Node, Key]]] = defaultdict(list)
    for key, cell in cells.items():
        if cell.value >= cell.least:
            arcs[cell.tail].append((cell.head, key))
        if cell.value > cell.least:
            arcs[cell.head].append((cell.tail, key))
    return arcs


def _circle(
    key: Key, cells: Cells, arcs: Arcs, usable: Set[Key], *, already: Set[Key] = frozenset()
) -> set[Key] | None:
    """Return the cheapest circle through a cell, of usable ones; None where there is none."""
    cell = cells[key]
    ends = [(cell.head, cell.tail)] + ([(cell.tail, cell.head)] if cell.value > cell.least else [])
    ways = [_path(start, end, key, cells, arcs, usable, already) for start, end in ends]
    circles = [way for way in ways if way is not None]
    return min(circles, key=lambda way: way[0])[1] | {key} if circles else None


def _path(
    start: Node,
    end: Node,
    without: Key,
    cells: Cells,
    arcs: Arcs,
    usable: Set[Key],
    already: Set[Key],
) -> tuple[int, set[Key]] | None:
    """Return the path that withholds the least of what is published, and how much that is."""
    numbers = count()
    waiting: list[tuple[int, int, Node, frozenset[Key]]] = [(0, next(numbers), start, frozenset())]
    reached: set[Node] = set()
    while waiting:
        cost, _, node, keys = heappop(waiting)
        if node == end:
            return cost, set(keys)
        if node in reached:
            continue
        reached.add(node)
        for following, key in arcs.get(node, ()):
            if key != without and key in usable:
                more = 0 if key in already else cells[key].value * cells[key].worth
                heappush(waiting, (cost + more, next(numbers), following, keys | {key}))
    return None

"""Run acts in the order of their times, as the chain of the record would have seen them."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime
from itertools import count

Act = Callable[[datetime], object]


class Agenda:
    """A list of acts to come. What would happen after ``ends`` doesn't: it is still open then."""

    def __init__(self, ends: datetime) -> None:
        self._ends = ends
        self._acts: list[tuple[datetime, int, Act]] = []
        self._numbers = count()  # acts at one time run in the order in which they were added

    def add(self, at: datetime, act: Act) -> None:
        if at < self._ends:
            heapq.heappush(self._acts, (at, next(self._numbers), act))

    def run(self) -> None:
        """Run every act, and those that it adds."""
        while self._acts:
            at, _, act = heapq.heappop(self._acts)
            act(at)

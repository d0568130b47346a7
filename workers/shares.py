"""Choose whose sample is next in the engine: people share its places, sample by sample.

Each of a person's samples in the engine has a slot, the lowest that the person has free, and slots
are priorities there: everybody's first sample goes before anybody's second. So where one person
fills every place, a newcomer's first sample takes the place of that person's last, which the engine
continues later, where it stood.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import count

from workers.runs import Run, Turn


class Shares:
    """The engine's places as they are taken now, and who gets the next."""

    def __init__(self, runs: Iterable[Run], places: int, arrivals: Iterator[int]) -> None:
        self._runs = list(runs)
        self._places = places
        self._arrivals = arrivals
        self._slots: dict[int, set[int]] = defaultdict(set)
        self._live: list[tuple[Turn, Run]] = []
        for run in self._runs:
            for turn in run.live.values():
                self._live.append((turn, run))
                self._slots[run.job.person_id].add(turn.slot)
        self._live.sort(key=_turn)

    def running(self) -> list[Run]:
        """Return the run of each sample that has a place; others in the engine wait for one."""
        return [run for _, run in self._live[: self._places]]

    def next(self) -> tuple[Run, Turn] | None:
        """Take a place for the run whose turn it is, or None where no further sample would run.

        Whoever has the last place, or waits in the engine for one, feeds it nothing: a person's
        sample takes no place from another of the same person's.
        """
        last = {run.job.person_id for _, run in self._live[self._places - 1 :]}
        hungry = [run for run in self._runs if run.hungry and run.job.person_id not in last]
        if not hungry:
            return None
        run = min(hungry, key=self._rank)
        turn = Turn(run.job.priority, self._free_slot(run), next(self._arrivals))
        at = bisect_left(self._live, turn, key=_turn)
        if at >= self._places:
            return None
        self._live.insert(at, (turn, run))
        self._slots[run.job.person_id].add(turn.slot)
        return run, turn

    def _rank(self, run: Run) -> tuple[int, int, int]:
        """Rank a run by priority and slot; among one person's jobs, fewest samples come first."""
        return run.job.priority, self._free_slot(run), len(run.live)

    def _free_slot(self, run: Run) -> int:
        taken = self._slots[run.job.person_id]
        return next(slot for slot in count() if slot not in taken)


def _turn(place: tuple[Turn, Run]) -> Turn:
    return place[0]

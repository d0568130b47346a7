"""Choose whose sample is next in the engine, by weighted fair queueing in two levels.

A free place goes to the tenant whose virtual token counter is lowest, and there to the person whose
is. A sample that has a place counts in advance for some tokens, so that those with equal counters
share the places equally. A newcomer may take places from those who have more of them by weight: the
last sample placed there waits in the engine and later goes on where it stood. Newcomers do so only
when they come, so that no two turn each other out again and again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter

from workers.runs import Run, Turn
from workers.sharing.counters import FairCounters
from workers.sharing.members import Group, Person, Sample, groups_of

TOKENS_AHEAD = 32  # for which a sample counts that has a place, besides those computed for it
SLOT_SCALE = 1000  # so that slots over different weights are different integers


@dataclass(frozen=True)
class Placement:
    """A place for a sample: one in the engine that goes on, or the run's next, to be submitted."""

    run: Run
    turn: Turn
    resumed: str | None = None
    displaced: Sample | None = None  # the sample that gives way


class Shares:
    """The engine's places as they are taken now, and who gets the next."""

    def __init__(
        self, runs: Iterable[Run], places: int, counters: FairCounters, arrivals: Iterator[int]
    ) -> None:
        self._places = places
        self._arrivals = arrivals
        self._counters = counters
        self._began = next(arrivals)
        self._groups = groups_of(list(runs))
        counters.update(
            {tenant: group.weight for tenant, group in self._groups.items()},
            {tenant: group.people for tenant, group in self._groups.items()},
        )

    def next(self) -> Placement | None:
        """Give a place to whose turn it is; None where no further sample would run."""
        self._observe()
        waiting = [group for group in self._groups.values() if group.waiting]
        waiting.sort(key=self._next_turn)
        if sum(group.placed for group in self._groups.values()) < self._places:
            return self._place(waiting[0], self._next_person(waiting[0])) if waiting else None
        for group in waiting:
            placement = self._displacing_others(group) or self._displacing_within(group)
            if placement is not None:
                return placement
        return None

    def _observe(self) -> None:
        """Note who waits for a place now."""
        waiting = {tenant: group.waiting for tenant, group in self._groups.items()}
        self._counters.tenants.observe([key for key in waiting if waiting[key]], self._arrivals)
        for tenant, people in waiting.items():
            backlogged = [person.person_id for person in people]
            self._counters.people(tenant).observe(backlogged, self._arrivals)

    def _next_turn(self, group: Group) -> tuple[float, float, int]:
        """Rank those that wait by the counter's value with one place more, then by places."""
        weight = self._weight(group)
        since = self._counters.tenants.backlogged_since[group.tenant]
        return self._tag(group, 1), group.placed / weight, since

    def _next_person(self, group: Group) -> Person:
        since = self._counters.people(group.tenant).backlogged_since
        return min(
            group.waiting,
            key=lambda person: (
                self._person_tag(group, person, 1),
                len(person.placed),
                since[person.person_id],
            ),
        )

    def _weight(self, group: Group) -> float:
        return self._counters.tenants.weights[group.tenant]

    def _tag(self, group: Group, more: int) -> float:
        ahead = TOKENS_AHEAD * (group.placed + more) / self._weight(group)
        return self._counters.tenants.served(group.tenant) + ahead

    def _person_tag(self, group: Group, person: Person, more: int) -> float:
        served = self._counters.people(group.tenant).served(person.person_id)
        return served + TOKENS_AHEAD * (len(person.placed) + more)

    def _displacing_others(self, group: Group) -> Placement | None:
        """Let a newcomer take a place from a tenant that has more of them by weight."""
        if self._counters.tenants.backlogged_since[group.tenant] < self._began:
            return None
        tag, places = self._tag(group, 1), (group.placed + 1) / self._weight(group)
        victims = [
            other
            for other in self._groups.values()
            if places < other.placed / self._weight(other) and tag < self._tag(other, 0)
        ]
        for other in sorted(victims, key=lambda victim: -self._tag(victim, 0)):
            if (sample := self._last_placed(other)) is not None:
                return self._displace(group, self._next_person(group), other, sample)
        return None

    def _displacing_within(self, group: Group) -> Placement | None:
        """Let a newcomer take a place from another person of the same tenant, who has more."""
        backlogged_since = self._counters.people(group.tenant).backlogged_since
        for person in group.waiting:
            if backlogged_since[person.person_id] < self._began:
                continue
            tag, places = self._person_tag(group, person, 1), len(person.placed) + 1
            sample = self._last_placed(group, more_than=places, behind=tag)
            if sample is not None:
                return self._displace(group, person, group, sample)
        return None

    def _last_placed(
        self, group: Group, *, more_than: int = 0, behind: float = -math.inf
    ) -> Sample | None:
        """Return the sample that a tenant gives up first, of those placed before this turn.

        It is the last one of the person with the highest tag.
        """
        samples = [
            (self._person_tag(group, person, 0), sample.turn.arrival, sample)
            for person in group.people.values()
            if len(person.placed) > more_than and self._person_tag(group, person, 0) > behind
            for sample in person.placed
            if sample.turn.arrival < self._began
        ]
        return max(samples, key=itemgetter(0, 1))[2] if samples else None

    def _displace(self, group: Group, person: Person, loser: Group, sample: Sample) -> Placement:
        other = loser.people[sample.run.job.person_id]
        other.placed.remove(sample)
        other.displaced.append(sample)
        if sample.turn.slot is not None:
            loser.slots.remove(sample.turn.slot)
        return self._place(group, person, sample)

    def _place(self, group: Group, person: Person, displaced: Sample | None = None) -> Placement:
        slot = group.free_slot()
        priority = int((slot + 1) / self._weight(group) * SLOT_SCALE)
        turn = Turn(next(self._arrivals), slot, priority)
        resumed = person.next_displaced()
        run = resumed.run if resumed else person.next_run()
        if resumed:
            person.displaced.remove(resumed)
        request_id = resumed.request_id if resumed else ""
        person.placed.append(Sample(run, request_id, turn))
        group.slots.add(slot)
        return Placement(run, turn, resumed.request_id if resumed else None, displaced)

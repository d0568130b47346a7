"""Group the runs by tenant and person: their places in the engine, and what waits for one."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from workers.runs import Run, Turn
from workers.sharing.tenants import Tenant, weight_of


@dataclass(frozen=True)
class Sample:
    """A sample in the engine."""

    run: Run
    request_id: str
    turn: Turn


@dataclass
class Person:
    """One person's samples and runs, within one tenant."""

    person_id: int
    placed: list[Sample] = field(default_factory=list)
    displaced: list[Sample] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)

    @property
    def waits(self) -> bool:
        return bool(self.displaced) or any(run.hungry for run in self.runs)

    def next_displaced(self) -> Sample | None:
        """Return the first of the samples that gave their place to others."""
        return min(self.displaced, key=lambda sample: sample.turn.arrival, default=None)

    def next_run(self) -> Run:
        """Return the run that submits a sample next: of a person's, the one with the fewest."""
        hungry = [run for run in self.runs if run.hungry]
        return min(hungry, key=lambda run: (run.job.priority, len(run.live)))


@dataclass
class Group:
    """A tenant's people."""

    tenant: Tenant
    weight: float
    people: dict[int, Person] = field(default_factory=dict)
    slots: set[int] = field(default_factory=set)

    @property
    def placed(self) -> int:
        """Return how many places in the engine are theirs."""
        return sum(len(person.placed) for person in self.people.values())

    @property
    def waiting(self) -> list[Person]:
        return [person for person in self.people.values() if person.waits]

    def add(self, run: Run) -> None:
        """Add a run, with its samples in the engine."""
        person = self.people.setdefault(run.job.person_id, Person(run.job.person_id))
        person.runs.append(run)
        for request_id, turn in run.live.items():
            place = person.placed if turn.slot is not None else person.displaced
            place.append(Sample(run, request_id, turn))
            if turn.slot is not None:
                self.slots.add(turn.slot)

    def free_slot(self) -> int:
        return next(slot for slot in count() if slot not in self.slots)


def groups_of(runs: list[Run]) -> dict[Tenant, Group]:
    """Group runs by tenant and person."""
    groups: dict[Tenant, Group] = {}
    for run in runs:
        tenant = Tenant.of(run.job)
        groups.setdefault(tenant, Group(tenant, weight_of(run.job))).add(run)
    return groups

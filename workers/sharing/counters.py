"""Virtual token counters: how many tokens were computed for each member, over its weight.

After Sheng and others, "Fairness in Serving Large Language Models" (OSDI 2024). Of the members that
have a backlog, the one with the lowest counter is next. Who comes back after a pause is lifted to
the virtual time, so that nobody saves up a claim to the whole engine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from portal.jobs.models import Job
from workers.sharing.tenants import Tenant, effective_weights

M = TypeVar("M")


class Counters(Generic[M]):
    """The counters of members that share by weight, and since when each has a backlog."""

    def __init__(self) -> None:
        self.weights: Mapping[M, float] = {}
        self.backlogged_since: dict[M, int] = {}
        self._served: dict[M, float] = {}
        self._behind: dict[M, float] = {}  # of members that are here and lack nothing now
        self._virtual_time = 0.0

    def update(self, weights: Mapping[M, float]) -> None:
        """Take in who is here, with what weights."""
        self.weights = weights
        for member in self._behind.keys() - weights.keys():
            del self._behind[member]
        for member, served in [*self._served.items()]:
            # who has gone is forgotten once their counter says no more than the virtual time
            if member not in weights and served <= self._virtual_time:
                del self._served[member]

    def observe(self, backlogged: Collection[M], arrivals: Iterator[int]) -> None:
        """Take in who has a backlog. The others begin a new one with their next job."""
        for member in self.backlogged_since.keys() - set(backlogged):
            del self.backlogged_since[member]
            self._behind[member] = max(0.0, self._virtual_time - self._served[member])
        if self.backlogged_since:
            least = min(self._served[member] for member in self.backlogged_since)
            self._virtual_time = max(self._virtual_time, least)
        for member in backlogged:
            if member not in self.backlogged_since:
                self._served[member] = self.served(member)
                self.backlogged_since[member] = next(arrivals)
                self._behind.pop(member, None)

    def served(self, member: M) -> float:
        """Return a member's counter; of one without a backlog, what it would begin with.

        That is not behind the virtual time by more than when it last lacked something.
        """
        served = self._served.get(member, self._virtual_time)
        if member in self.backlogged_since:
            return served
        return max(served, self._virtual_time - self._behind.get(member, 0.0))

    def charge(self, member: M, tokens: int) -> None:
        """Count tokens computed for a member.

        The virtual time goes on at the pace of an equal share, so that even an endless stream of
        newcomers falls in behind who waits.
        """
        self._served[member] = self._served.get(member, self._virtual_time)
        self._served[member] += tokens / self.weights[member]
        self._virtual_time += tokens / sum(self.weights.values())


class FairCounters:
    """Counters in two levels: of tenants, and of people within each tenant."""

    def __init__(self) -> None:
        self.tenants: Counters[Tenant] = Counters()
        self._people: dict[Tenant, Counters[int]] = {}

    def update(
        self, weights: Mapping[Tenant, float], people: Mapping[Tenant, Iterable[int]]
    ) -> None:
        """Take in the tenants' own weights, and the people of each."""
        self.tenants.update(effective_weights(weights))
        for tenant in self._people.keys() - people.keys():
            del self._people[tenant]
        for tenant, members in people.items():
            self.people(tenant).update(dict.fromkeys(members, 1.0))

    def people(self, tenant: Tenant) -> Counters[int]:
        """Return the counters of a tenant's people."""
        return self._people.setdefault(tenant, Counters())

    def charge(self, job: Job, tokens: int) -> None:
        """Count tokens computed for a job that was here at the last update."""
        tenant = Tenant.of(job)
        self.tenants.charge(tenant, tokens)
        self.people(tenant).charge(job.person_id, tokens)

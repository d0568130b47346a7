"""Derive a training run's totals from its entries: nothing of them is typed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import isfinite

from portal.catalog.models import LogbookEntry

Kind = LogbookEntry.Kind
STANDSTILLS = (Kind.CRASH, Kind.HARDWARE, Kind.INCIDENT)
# Figures of entries that are added up where a lab notes them.
SUMMED = ("gpu_hours_lost", "hosts_replaced", "person_hours")


@dataclass(frozen=True)
class Totals:
    """The sums over a logbook's entries; of ``summed``, only those that some entry has."""

    entries: int
    restarts_by_hand: int
    restarts_automatic: int
    crashes: dict[str, int]
    span: timedelta | None
    downtime: timedelta
    summed: dict[str, float]

    @property
    def restarts(self) -> int:
        return self.restarts_by_hand + self.restarts_automatic

    @property
    def useful_percent(self) -> int | None:
        """Return how much of the span no entry says that the run stood still."""
        if not self.span or not self.downtime:
            return None
        return max(round(100 * (1 - self.downtime / self.span)), 0)


def totals(entries: Sequence[LogbookEntry]) -> Totals:
    """Count entries by kind and cause, and add up what they say was lost."""
    restarts = [entry for entry in entries if entry.kind == Kind.RESTART]
    crashes = Counter(entry.cause or "other" for entry in entries if entry.kind == Kind.CRASH)
    times = [entry.occurred_at for entry in entries]
    return Totals(
        entries=len(entries),
        restarts_by_hand=sum(not entry.automatic for entry in restarts),
        restarts_automatic=sum(entry.automatic for entry in restarts),
        crashes=dict(crashes.most_common()),
        span=max(times) - min(times) if times else None,
        downtime=sum(map(_standstill, entries), timedelta()),
        summed={
            name: sum(figures) for name in SUMMED if (figures := list(_figures(entries, name)))
        },
    )


def _standstill(entry: LogbookEntry) -> timedelta:
    if entry.kind not in STANDSTILLS or entry.ended_at is None:
        return timedelta()
    return entry.ended_at - entry.occurred_at


def _figures(entries: Sequence[LogbookEntry], name: str) -> Iterator[float]:
    for entry in entries:
        figure = figure_of(entry, name)
        if figure is not None:
            yield figure


def figure_of(entry: LogbookEntry, name: str) -> float | None:
    """Return a figure of an entry; None where it has none, or what it has isn't a number."""
    value = entry.figures.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None

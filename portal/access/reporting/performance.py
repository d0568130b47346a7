"""Figures of the gate's performance, counted so that a slow gate can't look fast.

A share is of all requests that are at least as old as its span, whether decided or still waiting.
Requests withdrawn or lapsed within the span are in neither number. A decision counts from when the
applicant is told of it: undone ones don't, and those that can be undone don't yet. The database
counts everything, in a fixed number of queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Aggregate, Count, F, FloatField, OuterRef, Q, Subquery, Value
from django.db.models.functions import Cast, Extract

from portal.access.models import AccessRequest, Decision, Grant, Hold
from portal.access.querysets import AccessRequestQuerySet
from portal.access.reporting.suppression import FEW, shown, withheld
from portal.accounts.models import Sector
from portal.catalog.models import ModelRepo

State = AccessRequest.State
SPAN = timedelta(days=14)
SPANS = (7, 14, 30, 90)


@dataclass(frozen=True)
class GateFigures:
    """The figures of all public models.

    ``old_enough``: requests at least ``span`` old; ``in_time``: those of them decided within it.
    """

    waiting: int
    overdue: int
    old_enough: int
    in_time: int
    span: timedelta

    @property
    def share(self) -> int | None:
        """Return the percentage decided in time; None where there are too few requests."""
        if self.old_enough < FEW:
            return None
        return percent(self.in_time, self.old_enough)


@dataclass(frozen=True)
class Cell:
    """One share. ``hidden``: withheld, since it or one that follows from it is of too few."""

    days: int
    old_enough: int
    in_time: int
    hidden: bool = False

    @property
    def share(self) -> int | None:
        if self.hidden or not self.old_enough:
            return None
        return percent(self.in_time, self.old_enough)


@dataclass(frozen=True)
class DecisionTimes:
    """One line of the table: a sector's or a repo's cells, one for each span."""

    key: str
    label: str
    cells: tuple[Cell, ...]

    def at(self, days: int) -> Cell:
        return next(cell for cell in self.cells if cell.days == days)


@dataclass(frozen=True)
class Waiting:
    """The days that undecided requests have waited; None where there are too few of them."""

    count: int
    overdue: int
    median_days: float | None
    p90_days: float | None


@dataclass(frozen=True)
class Outcomes:
    """The numbers of decisions, holds and grants; None where one is too small to publish."""

    approved: int | None
    declined: int | None
    overrides: int | None
    settled: int | None  # by a chair, where the votes differed
    holds: int | None
    grants: int | None


def percent(part: int, whole: int) -> int:
    return round(100 * part / whole)


def public_requests(repo: ModelRepo | None = None) -> AccessRequestQuerySet[AccessRequest]:
    requests = AccessRequest.objects.filter(repo__private=False, submitted_at__isnull=False)
    return requests.filter(repo=repo) if repo else requests


def gate_figures(now: datetime, *, span: timedelta = SPAN) -> GateFigures:
    """Count over all public models."""
    waiting = Q(closed_at=None) | Q(shown_until__gt=now)
    counted = (
        public_requests()
        .annotate(first=_first_decision(now))
        .aggregate(
            waiting=Count("pk", filter=waiting),
            overdue=Count("pk", filter=waiting & Q(due_at__lt=now)),
            **_counts(now, span.days),
        )
    )
    return GateFigures(
        waiting=counted["waiting"],
        overdue=counted["overdue"],
        old_enough=counted[f"old_{span.days}"],
        in_time=counted[f"within_{span.days}"],
        span=span,
    )


def decision_times(now: datetime, repo: ModelRepo | None = None) -> list[DecisionTimes]:
    """Return the shares of each sector, and last of all together; small cells are withheld."""
    labels = {**dict(Sector.choices), "": "Not said"}
    rows = _table(public_requests(repo), "sector", now)
    known = [key for key in labels if key or key in rows]
    lines = [(key, str(labels[key]), rows.get(key, NOTHING)) for key in known]
    total = {name: sum(row[name] for row in rows.values()) for name in NOTHING}
    return [*_withhold(lines), *_withhold([("all", "All sectors", total)])]


def repo_times(now: datetime) -> list[DecisionTimes]:
    """Return the shares of each public repo with requests; small cells are withheld."""
    rows = _table(public_requests(), "repo", now)
    repos = ModelRepo.objects.filter(pk__in=rows).with_names()
    return _withhold([(repo.full_name, repo.full_name, rows[repo.pk]) for repo in repos])


def waiting_times(now: datetime) -> Waiting:
    """Measure how long requests wait for their team; questions wait for the applicant instead."""
    waiting = public_requests().shown_in((State.HELD, State.IN_REVIEW), now)
    seconds = Extract(Value(now) - F("submitted_at"), "epoch")
    counted = waiting.annotate(seconds=Cast(seconds, FloatField())).aggregate(
        count=Count("pk"),
        overdue=Count("pk", filter=Q(due_at__lt=now)),
        median=Percentile("seconds", fraction=0.5),
        p90=Percentile("seconds", fraction=0.9),
    )
    few = counted["count"] < FEW
    return Waiting(
        count=counted["count"],
        overdue=counted["overdue"],
        median_days=None if few else _days(counted["median"]),
        p90_days=None if few else _days(counted["p90"]),
    )


def outcomes(now: datetime) -> Outcomes:
    """Count the decisions on public models that stand, with the grants and holds of today.

    Approved and declined are published both or neither, since their sum gives the other away.
    """
    standing = Decision.objects.told(now).filter(request__repo__private=False)
    yes, no = Decision.Verdict.APPROVED, Decision.Verdict.DECLINED
    decided = standing.aggregate(
        approved=Count("pk", filter=Q(verdict=yes)),
        declined=Count("pk", filter=Q(verdict=no)),
        overrides=Count("pk", filter=Q(is_override=True)),
        settled=Count("pk", filter=~Q(chair_reason="")),
    )
    here = Q(repo=None) | Q(repo__private=False)
    holds = Hold.objects.filter(here, lifted_at=None, placed_at__lte=now).count()
    grants = Grant.objects.filter(repo__private=False).active_at(now).count()
    pair = [decided["approved"], decided["declined"]]
    secret = bool(withheld(pair))
    return Outcomes(
        approved=None if secret else pair[0],
        declined=None if secret else pair[1],
        overrides=shown(decided["overrides"]),
        settled=shown(decided["settled"]),
        holds=shown(holds),
        grants=shown(grants),
    )


class Percentile(Aggregate):
    """PostgreSQL's percentile, interpolated between two values where it falls between them."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()

    def __init__(self, expression: str, *, fraction: float) -> None:
        super().__init__(expression, fraction=fraction)


def _first_decision(now: datetime) -> Subquery:
    """Return when the applicant first had an answer; that on an appeal comes later."""
    decisions = Decision.objects.told(now).filter(request=OuterRef("pk"))
    return Subquery(decisions.order_by("undo_until").values("undo_until")[:1])


NOTHING = {f"{part}_{days}": 0 for days in SPANS for part in ("old", "within")}


def _counts(now: datetime, days: int) -> dict[str, Count]:
    """Return the counts that make one share, over rows with a ``first`` decision."""
    span = timedelta(days=days)
    old = Q(submitted_at__lte=now - span)
    in_time = Q(first__lte=F("submitted_at") + span)
    left_early = Q(first=None, closed_at__lte=F("submitted_at") + span)
    return {
        f"old_{days}": Count("pk", filter=old & ~left_early),
        f"within_{days}": Count("pk", filter=old & in_time),
    }


def _table(requests: Any, by: str, now: datetime) -> dict[Any, dict[str, int]]:
    counts = {name: count for days in SPANS for name, count in _counts(now, days).items()}
    grouped = requests.order_by().annotate(first=_first_decision(now)).values(by).annotate(**counts)
    return {row.pop(by): row for row in grouped}


def _withhold(lines: list[tuple[str, str, dict[str, int]]]) -> list[DecisionTimes]:
    hidden = {days: withheld([row[f"old_{days}"] for _, _, row in lines]) for days in SPANS}
    return [
        DecisionTimes(
            key,
            label,
            tuple(
                Cell(days, row[f"old_{days}"], row[f"within_{days}"], place in hidden[days])
                for days in SPANS
            ),
        )
        for place, (key, label, row) in enumerate(lines)
    ]


def _days(seconds: float) -> float:
    return round(seconds / timedelta(days=1).total_seconds(), 1)

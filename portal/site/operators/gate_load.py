"""Figures of the gate for operators: ages of what is open, load by week, and models by load."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import TruncWeek
from django.utils import timezone

from portal.access.models import AccessRequest, Decision
from portal.access.querysets.requests import overdue

WEEKS = 12
AGES = ((0, 7), (7, 14), (14, 30), (30, None))


@dataclass(frozen=True)
class LoadBar:
    """A line of a chart: ``width`` is in percent of the longest."""

    label: str
    number: int
    width: int


@dataclass(frozen=True)
class GateWeek:
    """A week from Monday on: what was submitted, and what was decided and stands."""

    monday: date
    submitted: int
    approved: int
    declined: int

    @property
    def decided(self) -> int:
        return self.approved + self.declined

    @property
    def approved_share(self) -> int | None:
        return round(100 * self.approved / self.decided) if self.decided else None


def ages_of_open(now: datetime) -> list[LoadBar]:
    """Count the open cases by the days since they were submitted."""
    counts = AccessRequest.objects.undecided().aggregate(
        **{f"from_{low}": Count("pk", filter=_aged(low, high, now)) for low, high in AGES}
    )
    labels = [f"{low} to {high} days" if high else f"over {low} days" for low, high in AGES]
    return bars(
        [(label, counts[f"from_{age[0]}"]) for label, age in zip(labels, AGES, strict=True)]
    )


def _aged(low: int, high: int | None, now: datetime) -> Q:
    young = Q(submitted_at__lte=now - timedelta(days=low))
    return young & Q(submitted_at__gt=now - timedelta(days=high)) if high else young


def bars(rows: list[tuple[str, int]]) -> list[LoadBar]:
    most = max((number for _, number in rows), default=0) or 1
    return [LoadBar(label, number, round(100 * number / most)) for label, number in rows]


def weeks_until(now: datetime) -> list[GateWeek]:
    """Return the last twelve weeks, the newest first, in two queries."""
    today = timezone.localtime(now).date()
    this_monday = today - timedelta(days=today.weekday())
    mondays = [this_monday - timedelta(weeks=back) for back in range(WEEKS)]
    since = timezone.make_aware(datetime.combine(mondays[-1], datetime.min.time()))
    submitted = _by_week(AccessRequest.objects.filter(submitted_at__gte=since), "submitted_at")
    standing = Decision.objects.filter(undone_at=None, decided_at__gte=since)
    verdicts = _by_week(standing, "decided_at", "verdict")
    yes, no = Decision.Verdict.APPROVED, Decision.Verdict.DECLINED
    return [
        GateWeek(
            monday,
            submitted.get((monday,), 0),
            verdicts.get((monday, yes), 0),
            verdicts.get((monday, no), 0),
        )
        for monday in mondays
    ]


def _by_week(rows: QuerySet[Any], column: str, *more: str) -> dict[tuple[Any, ...], int]:
    grouped = rows.order_by().annotate(week=TruncWeek(column)).values_list("week", *more)
    return {
        (timezone.localtime(week).date(), *values): number
        for week, *values, number in grouped.annotate(number=Count("pk"))
    }


def models_by_load(now: datetime) -> QuerySet[Any, Any]:
    """Select each model with open cases: how many, how many overdue, and since when."""
    undecided = AccessRequest.objects.undecided().order_by()
    return (
        undecided.values("repo", "repo__namespace__name", "repo__name")
        .annotate(
            open=Count("pk"), late=Count("pk", filter=overdue(now)), oldest=Min("submitted_at")
        )
        .order_by("-late", "-open", "repo")
    )

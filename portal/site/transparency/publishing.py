"""Publish the figures of each month that is over, once and for good."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Min

from portal.access.reporting.months import (
    decisions_between,
    public_requests,
    requests_between,
    undecided_at,
)
from portal.delivery.models import Download
from portal.jobs.models import Job
from portal.site.models import PublishedMonth
from portal.site.transparency.counting import downloads_between, hosted_between
from portal.site.transparency.tables import (
    USERS,
    decisions_table,
    requests_table,
    rounded_to_tens,
    use_table,
)
from portal.site.transparency.times import times_between

# Logs of transfers are read, and decisions can't be undone any more.
SETTLING = timedelta(days=1)
MOST_AT_ONCE = 120
MONTHS_OF_QUARTER = 3


def publish_months(now: datetime) -> int:
    """Publish the months that are over and aren't published yet; return how many there were."""
    made = 0
    for month in _due(now):
        row = PublishedMonth(month=month, figures=figures_of(month), published_at=now)
        # of two processes that count a month, the first has published it
        made += len(PublishedMonth.objects.bulk_create([row], ignore_conflicts=True))
    return made


def _due(now: datetime) -> Iterator[date]:
    newest = PublishedMonth.objects.values_list("month", flat=True).first()
    month = next_month(newest) if newest else _first_month()
    for _ in range(MOST_AT_ONCE):
        if month is None or _begins(next_month(month)) + SETTLING > now:
            return
        yield month
        month = next_month(month)


def _first_month() -> date | None:
    firsts = (
        public_requests().aggregate(at=Min("submitted_at"))["at"],
        Download.objects.aggregate(at=Min("started_at"))["at"],
        Job.objects.aggregate(at=Min("ended_at"))["at"],
    )
    days = [at.astimezone(UTC).date().replace(day=1) for at in firsts if at is not None]
    return min(days, default=None)


def next_month(month: date) -> date:
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def _begins(month: date) -> datetime:
    return datetime(month.year, month.month, 1, tzinfo=UTC)


def figures_of(month: date) -> dict[str, Any]:
    """Count a month. Its times are those of the quarter that it ends, else none."""
    first, after = _begins(month), _begins(next_month(month))
    return {
        "requests": requests_table(requests_between(first, after)),
        "decisions": decisions_table(decisions_between(first, after)),
        "undecided_at_end": rounded_to_tens(undecided_at(after)),
        "downloads": use_table(
            downloads_between(first, after), ("downloads", "bytes"), tuple(USERS)
        ),
        "hosted": use_table(hosted_between(first, after), ("tokens", "jobs", "energy_wh", "co2_g")),
        "times": _times(month, after),
    }


def _times(month: date, after: datetime) -> dict[str, Any] | None:
    if month.month % MONTHS_OF_QUARTER:
        return None
    quarter = month.month // MONTHS_OF_QUARTER
    began = month.replace(month=month.month - MONTHS_OF_QUARTER + 1)
    return {"quarter": f"{month.year}-Q{quarter}", **times_between(_begins(began), after)}

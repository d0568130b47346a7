"""Invented months for the demo, whose own gate is too small for a figure to be published.

They are of the year before the demo's first request, and marked as samples wherever they are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from random import Random
from typing import Any

from portal.access.reporting.survival import Observed
from portal.site.models import PublishedMonth
from portal.site.transparency.counting import ANONYMOUS, UseOfSector
from portal.site.transparency.publishing import MONTHS_OF_QUARTER, next_month
from portal.site.transparency.sample_requests import (
    SECTORS,
    InventedRequest,
    invented_requests,
)
from portal.site.transparency.tables import (
    USERS,
    decisions_table,
    requests_table,
    rounded_to_tens,
    use_table,
)
from portal.site.transparency.times import times_of

MONTHS = 12
SEED = 2022


def add_sample_months(models: Sequence[str], began: datetime, now: datetime) -> None:
    """Publish a year of invented months, once, before any month is published."""
    if PublishedMonth.objects.exists():
        return
    draws = Random(SEED)  # noqa: S311 (figures of a sample, no secrets)
    first = began.date().replace(day=1)
    months = [_earlier(first, months) for months in range(MONTHS, 0, -1)]
    requests = invented_requests(draws, months, models)
    PublishedMonth.objects.bulk_create(
        PublishedMonth(month=month, figures=_figures(draws, month, requests), published_at=now)
        for month in months
    )


def _earlier(month: date, months: int) -> date:
    year, index = divmod(month.year * 12 + month.month - 1 - months, 12)
    return date(year, index + 1, 1)


def _begins(month: date) -> datetime:
    return datetime.combine(month, time(), UTC)


def _figures(draws: Random, month: date, requests: Sequence[InventedRequest]) -> dict[str, Any]:
    first, after = _begins(month), _begins(next_month(month))
    submitted = [one.row for one in requests if first <= one.submitted_at < after]
    decided = [one.decision for one in requests if one.decision and first <= one.closed_at < after]
    undecided = sum(one.submitted_at < after <= one.closed_at for one in requests)
    return {
        "sample": True,
        "requests": requests_table(submitted),
        "decisions": decisions_table(decided),
        "undecided_at_end": rounded_to_tens(undecided),
        "downloads": use_table(_downloads(draws), ("downloads", "bytes"), tuple(USERS)),
        "hosted": use_table(_hosted(draws), ("tokens", "jobs", "energy_wh", "co2_g")),
        "times": _times(month, after, requests),
    }


def _times(
    month: date, after: datetime, requests: Sequence[InventedRequest]
) -> dict[str, Any] | None:
    """Estimate the times of the quarter that a month ends, as far as the sample has it."""
    if month.month % MONTHS_OF_QUARTER:
        return None
    first = _begins(_earlier(month, MONTHS_OF_QUARTER - 1))
    observed: dict[str, list[Observed]] = {}
    for one in requests:
        if first <= one.submitted_at < after:
            observed.setdefault(one.row.sector, []).append(one.observed(after))
    quarter = f"{month.year}-Q{month.month // MONTHS_OF_QUARTER}"
    return {"quarter": quarter, **times_of(observed)}


def _downloads(draws: Random) -> dict[str, UseOfSector]:
    use = {ANONYMOUS: draws.randint(300, 900)}
    use |= {sector: draws.randint(0, 2 * share) for sector, share in SECTORS.items()}
    return {
        sector: UseOfSector(people, {"downloads": people * 8, "bytes": people * 130 * 10**9})
        for sector, people in use.items()
    }


def _hosted(draws: Random) -> dict[str, UseOfSector]:
    people = {sector: draws.randint(0, 2 * share) for sector, share in SECTORS.items()}
    return {
        sector: UseOfSector(
            count,
            {"tokens": 9_000 * count, "jobs": 14 * count, "energy_wh": 3.1 * count,
             "co2_g": 1.2 * count},
        )
        for sector, count in people.items()
    }  # fmt: skip

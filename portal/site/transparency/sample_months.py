"""Invented months for the demo, whose own gate is too small for a figure to be published.

They are of the year before the demo's first request, and marked as samples wherever they are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from random import Random
from typing import Any

from portal.access.reporting.months import CHAIR, OWNER, TEAM, DecisionRow, RequestRow
from portal.site.models import PublishedMonth
from portal.site.transparency.counting import ANONYMOUS, UseOfSector
from portal.site.transparency.publishing import MONTHS_OF_QUARTER
from portal.site.transparency.tables import (
    REASONS,
    USERS,
    decisions_table,
    requests_table,
    rounded_to_tens,
    use_table,
)

MONTHS = 12
SEED = 2022
# How often each is drawn, by and large as at a gate for research.
SECTORS = {"academia": 60, "government": 14, "civil_society": 15, "industry_lab": 9, "": 2}
REGIONS = {"europe": 34, "americas": 32, "asia": 22, "africa": 9, "oceania": 3}
DECIDERS = {TEAM: 94, OWNER: 3, CHAIR: 3}
APPROVED_PERCENT = 84


def add_sample_months(models: Sequence[str], began: datetime, now: datetime) -> None:
    """Publish a year of invented months, once, before any month is published."""
    if PublishedMonth.objects.exists():
        return
    draws = Random(SEED)  # noqa: S311 (figures of a sample, no secrets)
    first = began.date().replace(day=1)
    months = [_earlier(first, months) for months in range(MONTHS, 0, -1)]
    PublishedMonth.objects.bulk_create(
        PublishedMonth(month=month, figures=_figures(draws, month, models), published_at=now)
        for month in months
    )


def _earlier(month: date, months: int) -> date:
    year, index = divmod(month.year * 12 + month.month - 1 - months, 12)
    return date(year, index + 1, 1)


def _drawn(draws: Random, weights: dict[str, int]) -> str:
    return draws.choices(list(weights), list(weights.values()))[0]


def _figures(draws: Random, month: date, models: Sequence[str]) -> dict[str, Any]:
    count = draws.randint(70, 210)
    requests = [
        RequestRow(number, _drawn(draws, SECTORS), _drawn(draws, REGIONS), draws.choice(models))
        for number in range(count)
    ]
    decisions = [
        _decision(draws, number, row.sector)
        for number, row in enumerate(requests)
        if draws.random() < 0.9
    ]
    return {
        "sample": True,
        "requests": requests_table(requests),
        "decisions": decisions_table(decisions),
        "undecided_at_end": rounded_to_tens(count // 3),
        "downloads": use_table(_downloads(draws), ("downloads", "bytes"), tuple(USERS)),
        "hosted": use_table(_hosted(draws), ("tokens", "jobs", "energy_wh", "co2_g")),
        "times": _times(draws, month),
    }


def _decision(draws: Random, person: int, sector: str) -> DecisionRow:
    is_approved = draws.randrange(100) < APPROVED_PERCENT
    verdict = "approved" if is_approved else "declined"
    reason = "" if is_approved else draws.choice(list(REASONS))
    return DecisionRow(person, sector, verdict, reason, _drawn(draws, DECIDERS))


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


def _times(draws: Random, month: date) -> dict[str, Any] | None:
    if month.month % MONTHS_OF_QUARTER:
        return None
    estimates = {sector: _estimate(draws) for sector in ("academia", "government", "civil_society")}
    quarter = f"{month.year}-Q{month.month // MONTHS_OF_QUARTER}"
    by_sector = {**estimates, "industry_lab": None, "": None}
    return {"quarter": quarter, "all": _estimate(draws), "by_sector": by_sector}


def _estimate(draws: Random) -> dict[str, Any]:
    week = draws.randint(35, 60)
    shares = {"7": week, "14": week + draws.randint(15, 25), "30": week + draws.randint(30, 38)}
    return {"percent_within": shares, "median_days": draws.randint(7, 10)}

"""Estimate how long answers took: for the requests of a quarter, by sector.

Quarters don't overlap, so no two estimates differ by a few requests. They are published as shares
alone, since a quarter's counts, less its months', would give withheld ones away.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime
from math import ceil, floor
from typing import Any

from portal.access.reporting.months import observed_between
from portal.access.reporting.suppression import CountedCell, SummedLine, withheld
from portal.access.reporting.survival import Observed, survival_of
from portal.site.transparency.tables import SECTORS

SPANS = (7, 14, 30)


def times_between(first: datetime, after: datetime) -> dict[str, Any]:
    """Return the times of the requests that were submitted then, as seen at its end."""
    return times_of(observed_between(first, after))


def times_of(observed: Mapping[str, list[Observed]]) -> dict[str, Any]:
    """Return the shares decided within some days, of each sector with requests and of all."""
    together = [request for requests in observed.values() for request in requests]
    cells: dict[Hashable, CountedCell] = {
        sector: CountedCell("from", "to", len(requests), len(requests))
        for sector, requests in observed.items()
    }
    cells["all"] = CountedCell("to", "from", len(together), len(together))
    hidden = withheld(cells, [SummedLine("all", tuple(observed))])
    if not together or "all" in hidden:
        return {"all": None, "by_sector": dict.fromkeys(SECTORS)}
    return {
        "all": _estimate(together),
        "by_sector": {
            sector: None if sector in hidden else _estimate(requests)
            for sector, requests in observed.items()
        },
    }


def _estimate(observed: list[Observed]) -> dict[str, Any]:
    """Return whole per cents and half's days: each as reached, so that the two agree."""
    survival = survival_of(observed)
    shares = {str(days): survival.decided_by(days) for days in SPANS}
    median = survival.median_days
    return {
        "percent_within": {
            days: None if share is None else floor(round(100 * share, 6))
            for days, share in shares.items()
        },
        "median_days": None if median is None else ceil(median),
    }

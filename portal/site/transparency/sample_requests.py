"""Invent a year's requests for the demo's sample: every figure of its gate is counted from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from portal.access.reporting.months import CHAIR, DAY, OWNER, TEAM, DecisionRow, RequestRow
from portal.access.reporting.survival import Observed
from portal.site.transparency.tables import REASONS

# How often each is drawn, by and large as at a gate for research.
SECTORS = {"academia": 60, "government": 14, "civil_society": 15, "industry_lab": 9, "": 2}
REGIONS = {"europe": 34, "americas": 32, "asia": 22, "africa": 9, "oceania": 3}
DECIDERS = {TEAM: 94, OWNER: 3, CHAIR: 3}
APPROVED_PERCENT = 84
LAPSED_PERCENT = 7
# Days to an answer, on average and at least.
USUAL_DAYS = {"academia": 8, "government": 11, "civil_society": 6, "industry_lab": 9, "": 8}
LEAST_DAYS = 0.5
DAYS_TO_LAPSE = 45  # with a question that nobody answered
FEWEST_A_MONTH, MOST_A_MONTH = 70, 210


@dataclass(frozen=True)
class InventedRequest:
    """A request, and how it ended; ``decision`` is None where it lapsed."""

    row: RequestRow
    submitted_at: datetime
    closed_at: datetime
    decision: DecisionRow | None

    def observed(self, after: datetime) -> Observed:
        """Return how long it was seen by then, and whether it was decided."""
        is_decided = self.decision is not None and self.closed_at < after
        return Observed((min(self.closed_at, after) - self.submitted_at) / DAY, is_decided)


def invented_requests(
    draws: Random, months: Sequence[date], models: Sequence[str]
) -> list[InventedRequest]:
    """Invent the requests of these months; none was submitted before."""
    requests: list[InventedRequest] = []
    for month in months:
        first = datetime.combine(month, time(), UTC)
        for _ in range(draws.randint(FEWEST_A_MONTH, MOST_A_MONTH)):
            requests.append(_invented(draws, len(requests), first, models))
    return requests


def drawn(draws: Random, weights: dict[str, int]) -> str:
    return draws.choices(list(weights), list(weights.values()))[0]


def _invented(
    draws: Random, person: int, first: datetime, models: Sequence[str]
) -> InventedRequest:
    sector = drawn(draws, SECTORS)
    row = RequestRow(person, sector, drawn(draws, REGIONS), draws.choice(models))
    submitted_at = first + timedelta(minutes=draws.randrange(28 * 24 * 60))
    days = LEAST_DAYS + draws.gammavariate(2, (USUAL_DAYS[sector] - LEAST_DAYS) / 2)
    is_decided = draws.randrange(100) >= LAPSED_PERCENT
    days = days if is_decided else days + DAYS_TO_LAPSE
    decision = _decision(draws, person, sector) if is_decided else None
    return InventedRequest(row, submitted_at, submitted_at + timedelta(days=days), decision)


def _decision(draws: Random, person: int, sector: str) -> DecisionRow:
    is_approved = draws.randrange(100) < APPROVED_PERCENT
    verdict = "approved" if is_approved else "declined"
    reason = "" if is_approved else draws.choice(list(REASONS))
    return DecisionRow(person, sector, verdict, reason, drawn(draws, DECIDERS))

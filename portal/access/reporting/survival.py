"""Estimate how long a decision takes where some requests are still undecided (Kaplan and Meier)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Observed:
    """One request: the days from its submission to its decision, or to when it was last seen."""

    days: float
    is_decided: bool


@dataclass(frozen=True)
class Survival:
    """The steps of the share that is decided by a day, undecided requests counted."""

    steps: tuple[tuple[float, float], ...]
    last_seen: float

    def decided_by(self, days: float) -> float | None:
        """Return the share that is decided within so many days.

        Beyond what was seen it is None, save where all were decided and none is left to wait.
        """
        if days > self.last_seen:
            return 1.0 if self.steps and self.steps[-1][1] == 1 else None
        return next((share for at, share in reversed(self.steps) if at <= days), 0.0)

    @property
    def median_days(self) -> float | None:
        """Return by when half are decided; None where fewer are as yet."""
        return next((at for at, share in self.steps if round(share, 9) >= 0.5), None)


def survival_of(observed: Sequence[Observed]) -> Survival:
    """Estimate the share decided by each day.

    A request that waits, was withdrawn or lapsed counts as undecided as long as it was seen.
    """
    undecided, steps = 1.0, []
    for day in sorted({request.days for request in observed if request.is_decided}):
        at_risk = sum(request.days >= day for request in observed)
        decided = sum(request.is_decided and request.days == day for request in observed)
        undecided *= 1 - decided / at_risk
        steps.append((day, 1 - undecided))
    return Survival(tuple(steps), max((request.days for request in observed), default=0.0))

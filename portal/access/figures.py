"""How the gate performs, counted so that a slow gate can't look fast: who waits is in the count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Min, Q

from portal.access.models import AccessRequest

FEW = 5  # below it a share says more of single people than of the gate
SPAN = timedelta(days=14)


@dataclass(frozen=True)
class GateFigures:
    """``old_enough``: requests at least ``span`` old; ``in_time``: those decided within it."""

    waiting: int
    overdue: int
    old_enough: int
    in_time: int
    span: timedelta

    @property
    def share(self) -> int | None:
        """Percent decided in time; None where there are too few to say."""
        if self.old_enough < FEW:
            return None
        return round(100 * self.in_time / self.old_enough)


def gate_figures(now: datetime, *, span: timedelta = SPAN) -> GateFigures:
    """Over all public models. Whoever withdrew within the span is in neither number."""
    submitted = AccessRequest.objects.filter(repo__private=False, submitted_at__isnull=False)
    waiting = submitted.filter(closed_at=None)
    old = submitted.annotate(decided_at=Min("decisions__decided_at")).filter(
        submitted_at__lte=now - span
    )
    left_early = Q(decided_at=None, closed_at__lte=F("submitted_at") + span)
    return GateFigures(
        waiting=waiting.count(),
        overdue=waiting.filter(due_at__lt=now).count(),
        old_enough=old.exclude(left_early).count(),
        in_time=old.filter(decided_at__lte=F("submitted_at") + span).count(),
        span=span,
    )

"""Keep the energy that a served model takes while nobody asks it."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from portal.jobs.accounting.footprint import Metered, co2_g
from portal.jobs.accounting.models import IdleEnergy
from portal.jobs.accounting.tariffs import rates_on


def keep_idle_energy(
    *, session: UUID, repo_id: int, day: date, total: Metered, now: datetime
) -> None:
    """Write a session's total of a day. It may be written again: the newest total stands."""
    rates = rates_on(day)
    row = IdleEnergy(
        session=session,
        repo_id=repo_id,
        day=day,
        source=total.source,
        energy_wh=total.energy_wh,
        co2_g=co2_g(total.energy_wh, rates),
        written_at=now,
    )
    IdleEnergy.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["session", "day", "source"],
        update_fields=["energy_wh", "co2_g", "written_at"],
    )

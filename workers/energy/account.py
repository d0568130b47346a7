"""Share a meter's joules out: to the requests of a step by their tokens, else to idle time."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime
from uuid import uuid4

from django.utils import timezone

from portal.jobs.accounting.footprint import Metered
from portal.jobs.models import EnergySource
from workers.energy.meter import EnergyMeter, EstimateMeter, MeterError

log = logging.getLogger(__name__)
JOBS, IDLE = "jobs", "idle"


class EnergyAccount:
    """An account of all that one served model's meter reads, until the model is given up.

    The engine's thread reads the meter after each step and each wait. What lies between a step
    and the one before it, such as passing tokens on, goes with the step. ``session`` names the
    account where idle energy is kept.
    """

    def __init__(self, meter: EnergyMeter, clock: Callable[[], datetime] = timezone.now) -> None:
        self.session = uuid4()
        self._meter, self._last, self._clock = meter, 0.0, clock
        self._lock = threading.Lock()  # the dispatcher gives up shares and reads totals
        self._idle: dict[tuple[date, EnergySource], float] = defaultdict(float)
        self._lost: dict[tuple[date, EnergySource], float] = defaultdict(float)
        self._jobs: dict[EnergySource, float] = defaultdict(float)

    def step(self, tokens: int) -> Metered:
        """Read what a step used; what it used without computing a token is idle."""
        used = self._used(working=True)
        with self._lock:
            if tokens:
                self._jobs[used.source] += used.joules
            else:
                self._idle[self._today, used.source] += used.joules
        return used

    def idle(self) -> None:
        """Read what was used since the last step or wait."""
        used = self._used(working=False)
        with self._lock:
            self._idle[self._today, used.source] += used.joules

    def give_up(self, share: Metered | None) -> None:
        """Take back a job's share, whose work was lost: no job pays for it."""
        if share is not None:
            with self._lock:
                self._lost[self._today, share.source] += share.joules

    def idle_totals(self) -> list[tuple[date, Metered]]:
        """Return what went to no job so far, by day and by how it is known."""
        with self._lock:
            keys = sorted(self._idle.keys() | self._lost.keys())
            return [
                (
                    day,
                    Metered(self._idle.get((day, how), 0.0) + self._lost.get((day, how), 0.0), how),
                )
                for day, how in keys
            ]

    def joules(self) -> dict[tuple[EnergySource, str], float]:
        """Return the joules so far, by how they are known and by what they were for.

        They only grow: what was spent on work that was lost was spent on jobs.
        """
        with self._lock:
            totals = {(how, JOBS): joules for how, joules in self._jobs.items()}
            for (_, how), joules in self._idle.items():
                totals[how, IDLE] = totals.get((how, IDLE), 0.0) + joules
        return totals

    @property
    def _today(self) -> date:
        return self._clock().date()

    def _used(self, *, working: bool) -> Metered:
        try:
            joules = self._meter.joules(working=working)
        except MeterError as why:
            log.warning("From now on energy is estimated from WEIGHTGATE_ENGINE_WATTS: %s", why)
            self._meter, self._last = EstimateMeter(), 0.0
            return Metered(0.0, EnergySource.ESTIMATE)
        used, self._last = joules - self._last, joules
        return Metered(used, self._meter.source)

"""Find the meter that a worker has, or make one that estimates."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

from django.conf import settings

from portal.jobs.models import EnergySource

log = logging.getLogger(__name__)


class MeterError(Exception):
    """An error for a meter that isn't there or can't be read, in words for the operator."""


class EnergyMeter(Protocol):
    """A meter of the hardware that an engine runs on."""

    @property
    def source(self) -> EnergySource:
        """The way by which it knows."""
        ...

    def joules(self, *, working: bool) -> float:
        """Return the joules used since the meter was made. Raises MeterError.

        ``working``: if the engine computed since the last reading, by which a meter estimates.
        """
        ...


class EstimateMeter:
    """A meter that multiplies time by the power that settings assume, at work and idle."""

    source = EnergySource.ESTIMATE

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._read_at = clock()
        self._joules = 0.0

    def joules(self, *, working: bool) -> float:
        now = self._clock()
        watts = settings.ENGINE_WATTS if working else settings.ENGINE_IDLE_WATTS
        self._joules += (now - self._read_at) * watts
        self._read_at = now
        return self._joules


def find_meter() -> EnergyMeter:
    """Return the meter that settings choose, or where it can't be read one that estimates."""
    try:
        return _chosen_meter()
    except MeterError as why:
        log.warning("Energy is estimated from WEIGHTGATE_ENGINE_WATTS: %s", why)
        return EstimateMeter()


def _chosen_meter() -> EnergyMeter:
    from workers.energy.nvml import NvmlMeter, gpu_uuids
    from workers.energy.rapl import RaplMeter

    on_gpu = settings.ENGINE_DEVICE.startswith("cuda")
    chosen = settings.ENERGY_METER
    if chosen == EnergySource.ESTIMATE:
        return EstimateMeter()
    if chosen == EnergySource.NVML or (chosen == "auto" and on_gpu):
        return NvmlMeter(gpu_uuids())
    return RaplMeter()

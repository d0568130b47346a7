"""Meters for tests: one that can be foretold, Linux's files of RAPL, and NVML's library."""

from __future__ import annotations

import sys
from types import ModuleType

from portal.jobs.models import EnergySource


class CountingMeter:
    """A meter on which each reading finds ten joules more at work, and three more when idle."""

    source = EnergySource.RAPL
    AT_WORK, IDLE = 10.0, 3.0

    def __init__(self):
        self.read = 0.0

    def joules(self, *, working):
        self.read += self.AT_WORK if working else self.IDLE
        return self.read


def make_zone(powercap, zone, name, *, count=0, most=1000):
    """Make a zone of RAPL as Linux shows it; return its counter's file."""
    folder = powercap / zone
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "max_energy_range_uj").write_text(f"{most}\n")
    (folder / "energy_uj").write_text(f"{count}\n")
    return folder / "energy_uj"


class FakeNvml(ModuleType):
    """The part of nvidia-ml-py that a worker calls, with a counter in millijoules for each GPU."""

    class NVMLError(Exception):
        pass

    def __init__(self, counts):
        super().__init__("pynvml")
        self.counts = counts
        self.away = ""

    def nvmlInit(self):
        self._answer()

    def nvmlDeviceGetHandleByUUID(self, uuid):
        if uuid not in self.counts:
            raise self.NVMLError("Not Found")
        return uuid

    def nvmlDeviceGetTotalEnergyConsumption(self, gpu):
        self._answer()
        return self.counts[gpu]

    def _answer(self):
        if self.away:
            raise self.NVMLError(self.away)


def install_nvml(monkeypatch, **counts):
    """Put the library in the place of the real one, with these GPUs."""
    nvml = FakeNvml(counts)
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    return nvml

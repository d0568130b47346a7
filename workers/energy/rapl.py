"""Read the energy of processors and memory by RAPL, in Linux's files.

They are at /sys/class/powercap, a zone each. Since 2020 only root may read them, unless the
operator lets the worker's user do so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from portal.jobs.models import EnergySource
from workers.energy.meter import MeterError

POWERCAP = Path("/sys/class/powercap")
MICROJOULES = 1_000_000


@dataclass
class _Zone:
    """A zone's counter, which begins again at 0 after ``most``."""

    file: Path
    most: int
    count: int

    @classmethod
    def of(cls, folder: Path) -> _Zone:
        file = folder / "energy_uj"
        return cls(file, _number(folder / "max_energy_range_uj"), _number(file))

    def used(self) -> int:
        """Return the microjoules since the last call."""
        count, before = _number(self.file), self.count
        self.count = count
        return count - before if count >= before else count + self.most - before


class RaplMeter:
    """A meter of the whole host's processors, with their memory where it is counted.

    Raises MeterError where there is no zone, or none that may be read.
    """

    source = EnergySource.RAPL

    def __init__(self, powercap: Path = POWERCAP) -> None:
        self._joules = 0.0
        try:
            # The twins of these zones, intel-rapl-mmio:*, would count the same energy again.
            folders = sorted(powercap.glob("intel-rapl:*"))
            self._zones = [_Zone.of(folder) for folder in folders if _counts(folder)]
        except (OSError, ValueError) as error:
            raise MeterError(f"RAPL can’t be read: {error}.") from error
        if not self._zones:
            raise MeterError(f"There is no zone of RAPL in {powercap}.")

    def joules(self, *, working: bool) -> float:
        try:
            self._joules += sum(zone.used() for zone in self._zones) / MICROJOULES
        except (OSError, ValueError) as error:
            raise MeterError(f"RAPL can no longer be read: {error}.") from error
        return self._joules


def _counts(folder: Path) -> bool:
    """Tell whether a zone adds to the others.

    A package holds its cores and graphics, and the zone of the whole platform holds packages;
    memory is outside of them.
    """
    name = (folder / "name").read_text().strip()
    return name.startswith("package") or name == "dram"


def _number(file: Path) -> int:
    return int(file.read_text())

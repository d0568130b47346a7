"""Estimate a run's energy and carbon from stated inputs. Free of torch; nothing is measured.

kWh = device-hours x W x PUE / 1000; kg CO2e = kWh x kg/kWh. With 809,472 h, 400 W, 1.1 and 0.385
this is LLaMA's estimate for OPT-175B: 356.2 MWh and 137.1 t.
"""

from dataclasses import dataclass
from math import inf

ASSUMED_WATTS = 65.0
ASSUMED_PUE = 1.1
ASSUMED_KG_PER_KWH = 0.385
WATTS_SOURCE = "assumed: a typical desktop processor's rated power, not a measurement"
PUE_SOURCE = "assumed: the overhead used in LLaMA's Table 15 (arXiv 2302.13971)"
GRID_SOURCE = "assumed: the United States' mean grid as in LLaMA's Table 15 (arXiv 2302.13971)"


@dataclass(frozen=True)
class EnergyInputs:
    """The inputs of an estimate, each with its source in words. Raises ValueError."""

    watts_per_device: float = ASSUMED_WATTS
    pue: float = ASSUMED_PUE
    kg_per_kwh: float = ASSUMED_KG_PER_KWH
    watts_source: str = WATTS_SOURCE
    pue_source: str = PUE_SOURCE
    grid_source: str = GRID_SOURCE

    def __post_init__(self) -> None:
        figures = (self.watts_per_device, self.kg_per_kwh)
        if not (all(0 <= figure < inf for figure in figures) and 1 <= self.pue < inf):
            raise ValueError("watts and kg/kWh must be 0 or more, PUE 1 or more, and all finite")


@dataclass(frozen=True)
class EnergyEstimate:
    """An estimate in kilowatt-hours, overhead included, and kilograms of CO2 equivalent."""

    kwh: float
    kg_co2e: float


def estimate_energy(device_hours: float, inputs: EnergyInputs) -> EnergyEstimate:
    """Turn device-hours into energy and carbon."""
    kwh = device_hours * inputs.watts_per_device * inputs.pue / 1000
    return EnergyEstimate(kwh=kwh, kg_co2e=kwh * inputs.kg_per_kwh)

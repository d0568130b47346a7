"""Work out what energy means: carbon and money, by the figures of the day.

A step of the engine is shared by the tokens computed in it, so a job's joules are the sum over its
steps of the step's joules × its tokens / all tokens, and so are its engine seconds. Then

    Wh = joules × PUE / 3600        g CO2e = Wh × kg per kWh
    price = engine hours × price per hour + kWh × price per kWh

Joules are the meter's. Where there is none they are an assumed power × time.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings

from portal.jobs.accounting.models import EnergySource
from portal.jobs.accounting.tariffs import TariffRates

SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class Metered:
    """So many joules at the hardware, and how that is known."""

    joules: float
    source: EnergySource

    def __add__(self, other: Metered) -> Metered:
        """Add another's joules; where one of the two is an estimate, so is the sum."""
        estimate = EnergySource.ESTIMATE
        source = estimate if estimate in (self.source, other.source) else self.source
        return Metered(self.joules + other.joules, source)

    def share(self, part: float) -> Metered:
        """Return a part of it, from 0 to 1."""
        return Metered(self.joules * part, self.source)

    @property
    def energy_wh(self) -> float:
        """The energy at the site's meter: what cools the hardware, and the like, included."""
        return self.joules * settings.ENGINE_PUE / SECONDS_PER_HOUR


@dataclass(frozen=True)
class Footprint:
    """The energy, carbon and cost of one job. ``cost`` is in the rates’ currency."""

    engine_seconds: float
    energy_wh: float
    energy_source: EnergySource
    co2_g: float
    cost: Decimal


def footprint(engine_seconds: float, metered: Metered | None, rates: TariffRates) -> Footprint:
    """Price so many engine seconds with the energy that was metered in them, if any was."""
    assumed = Metered(engine_seconds * settings.ENGINE_WATTS, EnergySource.ESTIMATE)
    energy = metered or assumed
    hours, kwh = engine_seconds / SECONDS_PER_HOUR, energy.energy_wh / 1000
    cost = hours * rates.price_per_hour + kwh * rates.price_per_kwh
    return Footprint(
        engine_seconds=engine_seconds,
        energy_wh=energy.energy_wh,
        energy_source=energy.source,
        co2_g=co2_g(energy.energy_wh, rates),
        cost=Decimal(str(cost)).quantize(Decimal("0.00000001")),
    )


def co2_g(energy_wh: float, rates: TariffRates) -> float:
    """Return the grams of CO2e of so many watt-hours; kg per kWh are grams per Wh."""
    return energy_wh * rates.kg_per_kwh

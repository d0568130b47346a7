"""Estimate what a job cost: energy, carbon and money from engine seconds. None is measured.

A step of the engine is shared by the tokens computed in it, so a job's engine seconds are the sum
over its steps of step time × its tokens / all tokens. Then

    Wh = engine seconds × watts × PUE / 3600        g CO2e = Wh × kg per kWh
    price = engine seconds × price per hour / 3600
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings

SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class Footprint:
    """The estimate for one job. ``cost`` is in settings.CURRENCY."""

    engine_seconds: float
    energy_wh: float
    co2_g: float
    cost: Decimal


def footprint(engine_seconds: float) -> Footprint:
    """Estimate the cost of so many engine seconds by the settings' figures."""
    watts = settings.ENGINE_WATTS * settings.ENGINE_PUE
    energy_wh = engine_seconds * watts / SECONDS_PER_HOUR
    cost = engine_seconds * settings.ENGINE_PRICE_PER_HOUR / SECONDS_PER_HOUR
    return Footprint(
        engine_seconds=engine_seconds,
        energy_wh=energy_wh,
        co2_g=energy_wh * settings.ENGINE_KG_PER_KWH,
        cost=Decimal(str(cost)).quantize(Decimal("0.00000001")),
    )

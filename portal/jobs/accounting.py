"""What a job cost: engine seconds to energy, carbon and money. Estimated, never measured.

A step of the engine is shared by the samples in its batch, so a job's engine seconds are the sum
over its steps of step time × its samples / all samples. Then

    Wh = engine seconds × watts × PUE / 3600        g CO2e = Wh × kg per kWh
    price = engine seconds × price per hour / 3600
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings

from portal.access.policy.policy import Limits
from portal.jobs.models import Job

if TYPE_CHECKING:
    from portal.accounts.models import User
    from portal.catalog.models import ModelRepo

SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class Footprint:
    """The estimate for one job. ``cost`` is in settings.CURRENCY."""

    engine_seconds: float
    energy_wh: float
    co2_g: float
    cost: Decimal


def footprint(engine_seconds: float) -> Footprint:
    watts = settings.ENGINE_WATTS * settings.ENGINE_PUE
    energy_wh = engine_seconds * watts / SECONDS_PER_HOUR
    cost = engine_seconds * settings.ENGINE_PRICE_PER_HOUR / SECONDS_PER_HOUR
    return Footprint(
        engine_seconds=engine_seconds,
        energy_wh=energy_wh,
        co2_g=energy_wh * settings.ENGINE_KG_PER_KWH,
        cost=Decimal(str(cost)).quantize(Decimal("0.00000001")),
    )


@dataclass(frozen=True)
class Allowance:
    """A person's tokens of one day; days begin at 00:00 UTC."""

    used: int
    limit: int
    waiting_for: str = ""  # the model, where it holds only while a request for it is undecided

    @property
    def in_words(self) -> str:
        used = f"{self.used:,} of {self.limit:,} tokens"
        if not self.waiting_for:
            return used
        return f"{used} of {self.waiting_for}, while your request is in review"

    @property
    def left(self) -> int:
        return max(self.limit - self.used, 0)


def start_of_day(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def allowance(person: User, now: datetime) -> Allowance:
    today = Job.objects.of(person).filter(created_at__gte=start_of_day(now))
    return Allowance(used=today.token_count(), limit=settings.DAILY_TOKENS)


def daily_limit(limits: Limits) -> int:
    """Return the most tokens that one day can ever give for a model."""
    return min(settings.DAILY_TOKENS, limits.tokens_per_day or settings.DAILY_TOKENS)


def allowance_for(person: User, repo: ModelRepo, limits: Limits, now: datetime) -> Allowance:
    """Return the quota for this model: the day's, or the tighter one of who waits for access.

    ``limits`` come with the policy's permission. Pages show what this answers, and jobs obey it.
    """
    of_the_day = allowance(person, now)
    if limits.tokens_per_day is None:
        return of_the_day
    today = Job.objects.of(person).filter(repo=repo, created_at__gte=start_of_day(now))
    waiting = Allowance(today.token_count(), limits.tokens_per_day, waiting_for=repo.full_name)
    return min(waiting, of_the_day, key=lambda quota: quota.left)


def seconds_to_midnight(now: datetime) -> int:
    return int((start_of_day(now) + timedelta(days=1) - now).total_seconds()) + 1

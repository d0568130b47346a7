"""Tell how many tokens a person may still have today: the quota, which begins anew at 00:00 UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from portal.access.policy.policy import Limits
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.formatting import start_of_day
from portal.jobs.models import Job


@dataclass(frozen=True)
class Quota:
    """A person's quota of tokens for one day, and how much of it is used."""

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


def quota_today(person: User, now: datetime) -> Quota:
    """Return the day's quota over all models."""
    today = Job.objects.of(person).filter(created_at__gte=start_of_day(now))
    return Quota(used=today.token_count(), limit=settings.DAILY_TOKENS)


def daily_limit(limits: Limits) -> int:
    """Return the most tokens that one day can ever give for a model."""
    return min(settings.DAILY_TOKENS, limits.tokens_per_day or settings.DAILY_TOKENS)


def quota_for(person: User, repo: ModelRepo, limits: Limits, now: datetime) -> Quota:
    """Return the quota for a model: the day's, or the tighter one while a request is undecided.

    ``limits`` come with the policy's permission. Pages show this quota, and jobs are held to it.
    """
    of_the_day = quota_today(person, now)
    if limits.tokens_per_day is None:
        return of_the_day
    today = Job.objects.of(person).filter(repo=repo, created_at__gte=start_of_day(now))
    waiting = Quota(today.token_count(), limits.tokens_per_day, waiting_for=repo.full_name)
    return min(waiting, of_the_day, key=lambda quota: quota.left)

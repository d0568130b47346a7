"""Write what is left of a quota as the headers that OpenAI's clients read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from portal.errors import DomainError
from portal.formatting import seconds_to_midnight
from portal.jobs.quota import OPEN_JOBS_RETRY_SECONDS, QuotaUse


def rate_limit_headers(quota_use: QuotaUse, now: datetime) -> dict[str, str]:
    """Return the headers: requests are jobs that may be open at a time, tokens those of a day.

    Nobody knows when a job ends; its place is worth asking for again after these seconds.
    """
    wait_seconds = OPEN_JOBS_RETRY_SECONDS if quota_use.open_jobs else 0
    today = quota_use.today
    return {
        "x-ratelimit-limit-requests": str(quota_use.allowance.concurrent_jobs),
        "x-ratelimit-remaining-requests": str(quota_use.jobs_left),
        "x-ratelimit-reset-requests": duration_of(wait_seconds),
        "x-ratelimit-limit-tokens": str(today.limit),
        "x-ratelimit-remaining-tokens": str(today.left),
        "x-ratelimit-reset-tokens": duration_of(seconds_to_midnight(now) if today.used else 0),
    }


def duration_of(seconds: int) -> str:
    """Write a duration as OpenAI's headers do: 1s, 6m0s, 13h59m59s."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


@contextmanager
def headers_on_refusals(quota_use: Callable[[], QuotaUse], now: datetime) -> Iterator[None]:
    """Give a refusal the headers, where it has none from within; else nothing is asked."""
    try:
        yield
    except DomainError as error:
        if not error.headers:
            error.headers = rate_limit_headers(quota_use(), now)
        raise

"""Limit how much text one person may have tokenized, counted in Redis for all processes."""

from __future__ import annotations

import logging
from datetime import datetime

from django.conf import settings
from redis.exceptions import RedisError

from portal.accounts.models import User
from portal.jobs.errors import BadParameter, QuotaExceeded
from portal.redis_client import redis_client

log = logging.getLogger(__name__)
WINDOW_SECONDS = 60


def count_prompt_bytes(person: User, size_bytes: int, now: datetime) -> int:
    """Count text before it is tokenized. Return how many seconds to wait, 0 for none.

    While Redis is away nothing is counted, and nobody is held back.
    """
    window, into = divmod(int(now.timestamp()), WINDOW_SECONDS)
    key = f"weightgate:prompts:{person.pk}:{window}"
    pipeline = redis_client().pipeline(transaction=False)
    pipeline.incrby(key, size_bytes)
    pipeline.expire(key, 2 * WINDOW_SECONDS)
    try:
        counted = int(pipeline.execute()[0])
    except RedisError as error:
        log.warning("Prompts aren’t counted, as Redis is away: %s", error)
        return 0
    return WINDOW_SECONDS - into if counted > settings.PROMPT_BYTES_PER_MINUTE else 0


def require_within_rate(size_bytes: int, wait_seconds: int, *, field: str) -> None:
    """Refuse text that was counted and is too much: for good, or for so many seconds.

    Raises BadParameter, QuotaExceeded.
    """
    most = settings.PROMPT_BYTES_PER_MINUTE
    rule = f"At most {most:,} bytes of prompts a minute are tokenized."
    if size_bytes > most:
        raise BadParameter(f"{rule} Send fewer prompts at once.", field=field)
    if wait_seconds:
        message = f"{rule} Go on in {wait_seconds} seconds."
        raise QuotaExceeded(message, retry_after_seconds=wait_seconds)

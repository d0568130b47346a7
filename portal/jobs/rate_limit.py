"""Limit how much text one person may have tokenized, counted in Redis for all processes."""

from __future__ import annotations

import logging
from datetime import datetime

from django.conf import settings
from redis.exceptions import RedisError

from portal.accounts.models import User
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

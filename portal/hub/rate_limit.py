"""Limit the rate at which one person changes repos: so many writes a minute, counted in Redis."""

from __future__ import annotations

import logging
from datetime import datetime
from http import HTTPStatus

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

from portal.accounts.models import User
from portal.errors import DomainError

log = logging.getLogger(__name__)
WINDOW_SECONDS = 60


class TooManyWrites(DomainError):
    """A refusal of one more write than the rate limit leaves for this minute."""

    code = "too_many_writes"
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"At most {settings.WRITES_PER_MINUTE} changes a minute. Go on in {seconds} seconds."
        )
        self.retry_after_seconds = seconds


def count_write(person: User, now: datetime) -> None:
    """Count a write against the person's rate limit. Raises TooManyWrites when it is reached.

    While Redis is away nothing is counted, and nobody is held back.
    """
    window, into = divmod(int(now.timestamp()), WINDOW_SECONDS)
    key = f"hub-writes:{person.pk}:{window}"
    try:
        # ``incr`` needs the key to be there, and ``add`` leaves one that is there as it is.
        cache.add(key, 0, timeout=2 * WINDOW_SECONDS)
        count = cache.incr(key)
    except (RedisError, ValueError) as error:
        log.warning("Writes aren’t counted, as Redis is away: %s", error)
        return
    if count > settings.WRITES_PER_MINUTE:
        raise TooManyWrites(WINDOW_SECONDS - into)

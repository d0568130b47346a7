"""How much one person may change in a minute, and how much a request may hold."""

from __future__ import annotations

import logging
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError

from portal.accounts.models import User
from portal.errors import DomainError, Invalid
from portal.parsing.json import LARGEST_BODY_BYTES, read_object

log = logging.getLogger(__name__)
WINDOW_SECONDS = 60


class TooManyWrites(DomainError):
    """Counted in Redis: while that is away, nobody is held back."""

    code = "too_many_writes"
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"At most {settings.WRITES_PER_MINUTE} changes a minute. Go on in {seconds} seconds."
        )
        self.retry_after_seconds = seconds


def count_write(person: User, now: datetime) -> None:
    """Raises TooManyWrites when this minute's are used up."""
    window, into = divmod(int(now.timestamp()), WINDOW_SECONDS)
    key = f"hub-writes:{person.pk}:{window}"
    try:
        cache.add(key, 0, timeout=2 * WINDOW_SECONDS)
        count = cache.incr(key)
    except (RedisError, ValueError) as error:
        log.warning("Writes aren’t counted, as Redis is away: %s", error)
        return
    if count > settings.WRITES_PER_MINUTE:
        raise TooManyWrites(WINDOW_SECONDS - into)


def json_object(request: HttpRequest) -> dict[str, Any]:
    """Read the body to its limit and no further. Raises NotJson or TooLarge."""
    return read_object(request.read(LARGEST_BODY_BYTES + 1))


def text_of(content: dict[str, Any], name: str, *, default: str | None = None) -> str:
    """Read a field that holds text. Without a default it must be there, and not be empty."""
    value = content.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or (default is None and not value):
        raise Invalid(f"“{name}” must be a text.", field=name)
    return value

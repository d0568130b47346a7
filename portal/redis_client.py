"""The client for short commands to Redis; a blocking read needs one without a socket timeout."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from redis import Redis


@cache
def _client(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)


def redis_client() -> Redis:
    return _client(settings.REDIS_URL)

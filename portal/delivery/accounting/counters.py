"""Counts that may be lost, kept where all processes see them."""

from __future__ import annotations

import logging
from functools import cache
from typing import cast

from django.conf import settings
from redis import Redis, RedisError

REFUSALS = "weightgate:link-refusals"
logger = logging.getLogger(__name__)


@cache
def _redis(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, decode_responses=True)


def redis() -> Redis:
    return _redis(settings.REDIS_URL)


def count_refusal(code: str) -> None:
    """Count one more refused link of this kind. The link stays refused where counting fails."""
    try:
        redis().hincrby(REFUSALS, code, 1)
    except RedisError:
        logger.warning("A refused link (%s) can’t be counted", code)


def refusals() -> dict[str, int]:
    """Return how many links were refused, by code; nothing while Redis is away."""
    try:
        counts = cast("dict[str, str]", redis().hgetall(REFUSALS))
    except RedisError:
        return {}
    return {code: int(count) for code, count in sorted(counts.items())}

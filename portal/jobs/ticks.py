"""The sign in Redis that beat starts tasks and a worker runs them."""

from __future__ import annotations

from datetime import UTC, datetime

from portal.redis_client import redis_client

KEY = "weightgate:tick"
TTL_SECONDS = 86_400


def note_tick(now: datetime) -> None:
    """Note that a task of the clock ran. Raises RedisError."""
    redis_client().set(KEY, str(now.timestamp()), ex=TTL_SECONDS)


def last_tick() -> datetime | None:
    """Return when the clock's tasks last ran; None where they didn't for a day."""
    value = redis_client().get(KEY)
    return datetime.fromtimestamp(float(value), UTC) if isinstance(value, bytes) else None

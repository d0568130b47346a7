"""Tell in Redis that a worker can't load a model, and why.

A worker that tries again and again would otherwise be waited for like one that is about to serve.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import datetime

from redis.exceptions import RedisError

from portal.parsing.json import read_object
from portal.redis_client import redis_client

log = logging.getLogger(__name__)
FAILED = "failed"


def worker_key(state: str, full_name: str) -> str:
    return f"weightgate:worker:{state}:{full_name}"


@dataclass(frozen=True)
class LoadFailure:
    """The failure of a worker to load a model, several times in a row.

    ``reason`` is for everybody, ``detail`` for those who run the site: it may name their paths.
    """

    since: datetime
    reason: str
    detail: str


def announce_failure(full_name: str, failure: LoadFailure, *, ttl_seconds: int) -> None:
    """Tell that a worker fails to load a repo's model. Raises RedisError."""
    content = {
        "since": failure.since.isoformat(),
        "reason": failure.reason,
        "detail": failure.detail,
    }
    redis_client().set(worker_key(FAILED, full_name), json.dumps(content), ex=ttl_seconds)


def announced_failure(full_name: str) -> LoadFailure | None:
    """Return the failure that a live worker tells of; None without one, or without Redis."""
    try:
        value = redis_client().get(worker_key(FAILED, full_name))
    except RedisError as error:
        log.warning("Redis is away: %s", error)
        return None
    if not isinstance(value, bytes):
        return None
    content = read_object(value)
    since = datetime.fromisoformat(content["since"])
    return LoadFailure(since, content["reason"], content["detail"])

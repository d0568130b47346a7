"""Tell in Redis who serves what: each worker its model, revision, engine and state.

What is here lapses seconds after a worker's last heartbeat. It is for pages and answers; which
revision takes prompts is decided by the heartbeats of ``portal.jobs.hosting``.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from redis.exceptions import RedisError

from portal.parsing.json import read_object
from portal.redis_client import redis_client

log = logging.getLogger(__name__)
KEY = "weightgate:servers"
LIVE = timedelta(seconds=6)
KEPT_SECONDS = 3600


@dataclass(frozen=True)
class ModelServer:
    """A worker with the revision that it serves, or loads, and what its engine can do.

    ``since``: when it got into its state. ``context_length``: None until the engine is there.
    """

    worker: str
    repo: str
    commit: str
    engine: str
    capabilities: tuple[str, ...]
    state: str
    since: datetime
    context_length: int | None = None


def announce_server(server: ModelServer, now: datetime) -> None:
    """Say that a worker is there, until so many seconds later. Raises RedisError."""
    content = {**asdict(server), "since": server.since.isoformat(), "seen_at": now.isoformat()}
    pipeline = redis_client().pipeline(transaction=False)
    pipeline.hset(KEY, server.worker, json.dumps(content))
    pipeline.expire(KEY, KEPT_SECONDS)
    pipeline.execute()


def withdraw_server(worker: str) -> None:
    """Say that a worker serves nothing any more. Raises RedisError."""
    redis_client().hdel(KEY, worker)


def live_servers(now: datetime) -> list[ModelServer]:
    """List the workers that serve something, by model; none while Redis is away."""
    try:
        stored: Any = redis_client().hgetall(KEY)
    except RedisError as error:
        log.warning("Redis is away: %s", error)
        return []
    servers = []
    for value in stored.values():
        content = read_object(value)
        if now - datetime.fromisoformat(content.pop("seen_at")) <= LIVE:
            servers.append(_read(content))
    return sorted(servers, key=lambda server: (server.repo, server.worker))


def announced_context(commit: str, now: datetime) -> int | None:
    """Return the least context with which a worker holds a revision; None where none says so."""
    lengths = [server.context_length for server in live_servers(now) if server.commit == commit]
    return min((length for length in lengths if length), default=None)


def _read(content: dict[str, Any]) -> ModelServer:
    content["since"] = datetime.fromisoformat(content["since"])
    content["capabilities"] = tuple(content["capabilities"])
    return ModelServer(**content)

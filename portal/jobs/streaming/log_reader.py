"""Read the logs of all jobs that a process follows: those that have news, in one command.

Workers publish which logs they wrote to, in the round trip that writes. That is a hint: a log from
which nothing came for a second is read anyway.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import redis.asyncio
from django.conf import settings
from redis.exceptions import RedisError

from portal.jobs.streaming.event_log import NEWS, Entry, log_key
from portal.jobs.streaming.threads import in_pool
from portal.redis_client import redis_client

log = logging.getLogger(__name__)
CLIENT_NAME = "weightgate-stream"  # as CLIENT LIST shows it
SILENCE_SECONDS = 1.0
SOCKET_SECONDS = 5  # longer than the wait for a message
AWAY_SECONDS = 0.5
CLOSE_SECONDS = 0.2
LINGER_SECONDS = 30.0  # with nothing to follow, before the connection is closed
BATCH_ENTRIES = 100
# uvloop raises RuntimeError where a connection closes as redis-py makes it.
CONNECTION_LOST = (RedisError, OSError, RuntimeError)


@dataclass(eq=False)
class Followed:
    """A log that is followed from a position on; ``take`` gets entries, or none after a silence."""

    job_id: UUID
    position: str
    take: Callable[[list[Entry]], None]
    read_at: float = field(default_factory=time.monotonic)
    paused: bool = False  # while what came last is looked into


class LogReader:
    """The reader of one event loop's logs. It ends a while after the last of them."""

    def __init__(self) -> None:
        self._followed: dict[UUID, Followed] = {}
        self._stirred: set[UUID] = set()
        self._news = asyncio.Event()
        self._empty_since = time.monotonic()
        # In an empty context: log lines would else bear the request id of the first reader.
        self._task = asyncio.create_task(self._run(), context=Context())

    def add(self, followed: Followed) -> None:
        self._followed[followed.job_id] = followed
        self._stir([followed.job_id])

    def remove(self, followed: Followed) -> None:
        self._followed.pop(followed.job_id, None)
        self._empty_since = time.monotonic()

    def go_on(self, followed: Followed) -> None:
        """Read a log on that was paused."""
        followed.paused = False
        self._stir([followed.job_id])

    def _stir(self, job_ids: Any) -> None:
        self._stirred.update(job_ids)
        self._news.set()

    async def _run(self) -> None:
        hearing = asyncio.create_task(self._hear())
        try:
            while self._followed or time.monotonic() - self._empty_since < LINGER_SECONDS:
                await self._turn()
        finally:
            del _readers[asyncio.get_running_loop()]  # before any wait: who comes now needs another
            while not hearing.done():  # redis-py may swallow a cancellation while it connects
                hearing.cancel()
                await asyncio.wait((hearing,), timeout=CLOSE_SECONDS)

    async def _turn(self) -> None:
        tick = asyncio.get_running_loop().call_later(SILENCE_SECONDS / 2, self._news.set)
        try:
            await self._news.wait()
        finally:
            tick.cancel()
        self._news.clear()
        if not (due := self._due()):
            return
        try:
            await self._read(due)
        except Exception:
            log.exception("Logs of jobs were not read; they are read again")
            await asyncio.sleep(AWAY_SECONDS)

    def _due(self) -> list[Followed]:
        """Return the logs to read now: those with news, and those silent for long."""
        stirred, self._stirred = self._stirred, set()
        silent_since = time.monotonic() - SILENCE_SECONDS
        return [
            followed
            for followed in self._followed.values()
            if not followed.paused
            and (followed.job_id in stirred or followed.read_at <= silent_since)
        ]

    async def _read(self, due: list[Followed]) -> None:
        positions = {log_key(followed.job_id): followed.position for followed in due}
        try:
            entries = await in_pool(entries_after)(positions)
        except RedisError as error:
            log.warning("Redis is away; asking the rows instead: %s", error)
            await asyncio.sleep(AWAY_SECONDS)
            entries = {}
        now = time.monotonic()
        for followed in due:
            new = entries.get(log_key(followed.job_id).encode(), [])
            if not new and now - followed.read_at < SILENCE_SECONDS:
                continue
            followed.read_at = now
            if new:
                followed.position = new[-1][0].decode()
            if len(new) == BATCH_ENTRIES:
                self._stir([followed.job_id])
            followed.take(new)

    async def _hear(self) -> None:
        while True:
            client = _client()
            try:
                async with client.pubsub() as subscription:
                    await subscription.subscribe(NEWS)
                    while True:
                        self._take_in(await subscription.get_message(timeout=SILENCE_SECONDS))
            except CONNECTION_LOST as error:
                log.warning("No hints at tokens, Redis is away: %s", error)
                await asyncio.sleep(AWAY_SECONDS)
            finally:
                with suppress(*CONNECTION_LOST):  # what is half open fails as it is closed
                    await client.aclose()

    def _take_in(self, message: dict[str, Any] | None) -> None:
        if message is None:
            return
        if message["type"] == "message":
            ids = message["data"].decode().split()
            self._stir({UUID(job_id) for job_id in ids} & self._followed.keys())
        else:  # subscribed: hints before now were not heard
            self._stir(self._followed)


def entries_after(positions: dict[str, str]) -> dict[bytes, list[Entry]]:
    """Return the next entries of each log, from either reply of redis-py's: RESP2 or RESP3."""
    streams_after: dict[Any, Any] = dict(positions)
    reply: Any = redis_client().xread(streams_after, BATCH_ENTRIES)
    streams = reply.items() if isinstance(reply, dict) else reply or []
    return {key: list(_flat(entries)) for key, entries in streams}


def _flat(entries: list[Any]) -> list[Entry]:
    flat: list[Entry] = []
    for entry in entries:
        flat += entry if isinstance(entry, list) else [entry]
    return flat


def _client() -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(
        settings.REDIS_URL,
        client_name=CLIENT_NAME,
        socket_timeout=SOCKET_SECONDS,
        socket_connect_timeout=2,
    )


_readers: dict[asyncio.AbstractEventLoop, LogReader] = {}


def log_reader() -> LogReader:
    """Return the reader of the running loop."""
    loop = asyncio.get_running_loop()
    if loop not in _readers:
        _readers[loop] = LogReader()
    return _readers[loop]

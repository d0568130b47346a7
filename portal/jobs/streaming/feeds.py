"""Follow a job's log in one process by one blocking read, shared by all its readers there.

The loop only waits and passes on what comes. Decoding is for the readers, in the streams' threads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import redis.asyncio
from django.conf import settings
from django.db import OperationalError
from redis.exceptions import RedisError

from portal.jobs.serving.places import JobProgress, progress_of
from portal.jobs.streaming.event_log import START, Entry, log_key
from portal.jobs.streaming.threads import in_pool
from portal.redis_client import redis_client

log = logging.getLogger(__name__)
CLIENT_NAME = "weightgate-stream"  # as CLIENT LIST shows it
BLOCK_MS = 1000
SOCKET_SECONDS = 5  # longer than a blocking read
AWAY_SECONDS = 0.5
CLOSE_SECONDS = 0.2
BATCH_ENTRIES = 100
# uvloop raises RuntimeError where a connection closes as redis-py makes it.
CONNECTION_LOST = (RedisError, OSError, RuntimeError)


@dataclass(frozen=True)
class NewEntries:
    """A batch of entries that follow ``before`` in the log; empty after a second of silence.

    After a silence it says how the job stands, if the database could be asked. ``over`` says that
    the job has ended, and that its row holds all there will be.
    """

    before: str
    entries: list[Entry] = field(repr=False)
    over: bool = False
    progress: JobProgress | None = None

    @property
    def last_id(self) -> str:
        return self.entries[-1][0].decode() if self.entries else self.before


class Feed:
    """A follower of a job's log for all its readers in this process."""

    def __init__(self, job_id: UUID, position: str) -> None:
        self.readers = 0
        self._job_id = job_id
        self._position = position
        self._over = False
        self._client = _client()
        self._coming: asyncio.Future[NewEntries] = asyncio.get_running_loop().create_future()
        # In an empty context: its log lines would else bear the request id of the first reader.
        self._task = asyncio.create_task(self._keep(), context=Context())

    async def next(self, after: str) -> NewEntries:
        """Wait for what follows ``after``. A reader behind the others reads by itself."""
        while not self._over:
            coming = self._coming
            if after != self._position and (entries := await _entries_after(self._job_id, after)):
                return NewEntries(after, entries)
            await asyncio.wait((coming, self._task), return_when=asyncio.FIRST_COMPLETED)
            batch = coming.result() if coming.done() else self._task.result()
            if batch.before == after or not batch.entries:
                return replace(batch, before=after)
        return NewEntries(after, [], over=True)

    async def close(self) -> None:
        """Stop reading and close the connection."""
        while not self._task.done():  # redis-py may swallow a cancellation while it connects
            self._task.cancel()
            await asyncio.wait((self._task,), timeout=CLOSE_SECONDS)
        await self._client.aclose()

    async def _keep(self) -> NewEntries:
        while not self._over:
            entries, progress = await self._read(), None
            if not entries or any(b"ended" in fields for _, fields in entries):
                self._over, progress = await _look(self._job_id)
            self._pass_on(NewEntries(self._position, entries, self._over, progress))
        return NewEntries(self._position, [], over=True)

    def _pass_on(self, batch: NewEntries) -> None:
        waiting, self._coming = self._coming, asyncio.get_running_loop().create_future()
        self._position = batch.last_id
        waiting.set_result(batch)

    async def _read(self) -> list[Entry]:
        position: dict[Any, Any] = {log_key(self._job_id): self._position}
        try:
            return _entries_of(await self._client.xread(position, BATCH_ENTRIES, BLOCK_MS))
        except CONNECTION_LOST as error:
            log.warning("Redis is away; asking the row instead: %s", error)
            with suppress(*CONNECTION_LOST):  # what is half open would fail the same way again
                await self._client.connection_pool.disconnect()
            await asyncio.sleep(AWAY_SECONDS)
            return []


@in_pool
def _entries_after(job_id: UUID, position: str) -> list[Entry]:
    try:
        return _entries_of(redis_client().xread({log_key(job_id): position}, BATCH_ENTRIES))
    except RedisError:
        return []


def _entries_of(reply: Any) -> list[Entry]:
    """Return the one stream's entries from either reply that redis-py gives: RESP2 or RESP3."""
    streams = reply.values() if isinstance(reply, dict) else [entries for _, entries in reply or []]
    flat: list[Entry] = []
    for entries in streams:
        for entry in entries:
            flat += entry if isinstance(entry, list) else [entry]
    return flat


def _client() -> redis.asyncio.Redis:
    """Return a client of one connection, whose reads may block longer than other commands."""
    return redis.asyncio.Redis.from_url(
        settings.REDIS_URL,
        client_name=CLIENT_NAME,
        socket_timeout=SOCKET_SECONDS,
        socket_connect_timeout=2,
        max_connections=1,
    )


@in_pool
def _look(job_id: UUID) -> tuple[bool, JobProgress | None]:
    """Look whether the job has ended, and how it stands; once for all its readers here."""
    try:
        progress = progress_of(job_id)
    except OperationalError as error:
        log.warning("The database is away; job %s is looked up again: %s", job_id, error)
        return False, None
    return progress is None, progress


_feeds: dict[tuple[asyncio.AbstractEventLoop, UUID], Feed] = {}


@asynccontextmanager
async def feed_of(job_id: UUID, after: str = START) -> AsyncIterator[Feed]:
    """Yield the job's feed in this process, which is open while somebody reads it."""
    key = asyncio.get_running_loop(), job_id
    feed = _feeds.get(key)
    if feed is None:
        feed = _feeds[key] = Feed(job_id, after)
    feed.readers += 1
    try:
        yield feed
    finally:
        feed.readers -= 1
        if not feed.readers:
            del _feeds[key]
            await asyncio.shield(feed.close())

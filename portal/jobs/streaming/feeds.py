"""Follow a job's log in one process once, for all its readers there.

The loop only waits and passes on what comes. Decoding is for the readers, in the streams' threads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.db import DatabaseError
from redis.exceptions import RedisError

from portal.jobs.serving.places import JobProgress, progress_of
from portal.jobs.streaming.event_log import START, Entry, log_key
from portal.jobs.streaming.log_reader import Followed, entries_after, log_reader
from portal.jobs.streaming.threads import in_pool

log = logging.getLogger(__name__)


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
        self._coming: asyncio.Future[NewEntries] = asyncio.get_running_loop().create_future()
        self._looking: asyncio.Task[None] | None = None
        self._reader = log_reader()
        self._followed = Followed(job_id, position, self._take)
        self._reader.add(self._followed)

    async def next(self, after: str) -> NewEntries:
        """Wait for what follows ``after``. A reader behind the others reads by itself."""
        while not self._over:
            coming = self._coming
            if after != self._position and (entries := await _entries_after(self._job_id, after)):
                return NewEntries(after, entries)
            batch = await asyncio.shield(coming)
            if batch.before == after or not batch.entries:
                return replace(batch, before=after)
        return NewEntries(after, [], over=True)

    def close(self) -> None:
        """Stop reading."""
        self._reader.remove(self._followed)
        if self._looking is not None:
            self._looking.cancel()

    def _take(self, entries: list[Entry]) -> None:
        if entries and not any(b"ended" in fields for _, fields in entries):
            self._pass_on(entries)
            return
        self._followed.paused = True
        # In an empty context: its log lines would else bear the request id of the first reader.
        self._looking = asyncio.create_task(self._look(entries), context=Context())

    async def _look(self, entries: list[Entry]) -> None:
        """Ask the row how the job stands, and pass that on."""
        self._over, progress = await _progress(self._job_id)
        self._pass_on(entries, progress)
        if not self._over:
            self._reader.go_on(self._followed)

    def _pass_on(self, entries: list[Entry], progress: JobProgress | None = None) -> None:
        batch = NewEntries(self._position, entries, self._over, progress)
        waiting, self._coming = self._coming, asyncio.get_running_loop().create_future()
        self._position = batch.last_id
        waiting.set_result(batch)


@in_pool
def _entries_after(job_id: UUID, position: str) -> list[Entry]:
    try:
        return entries_after({log_key(job_id): position}).get(log_key(job_id).encode(), [])
    except RedisError:
        return []


@in_pool
def _progress(job_id: UUID) -> tuple[bool, JobProgress | None]:
    """Look whether the job has ended, and how it stands; once for all its readers here."""
    try:
        progress = progress_of(job_id)
    except DatabaseError as error:
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
            feed.close()

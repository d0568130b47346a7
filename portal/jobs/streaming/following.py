"""Follow a job live: each token once, in order, whatever happens to stream or worker.

The loop only waits and passes bytes on. Decoding and rendering run in the streams' threads.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

from portal.jobs.models import Job
from portal.jobs.streaming.event_log import (
    BEGINNING,
    START,
    ChoiceEvent,
    Entry,
    JobEnd,
    LogItem,
    ReplayCursor,
    StreamPosition,
    read_event,
)
from portal.jobs.streaming.feeds import NewEntries, feed_of
from portal.jobs.streaming.threads import in_pool

PIECE_CHARACTERS = 1 << 16

Render = Callable[[LogItem], str]


async def until_ended(job_id: UUID) -> None:
    """Wait until the job has ended, in whatever state."""
    after = START
    async with feed_of(job_id) as feed:
        while not (batch := await feed.next(after)).over:
            after = batch.last_id


async def follow(
    job_id: UUID, render: Render, after: StreamPosition = BEGINNING
) -> AsyncGenerator[str]:
    """Yield each token once, in order, whatever happens to the stream or the worker; then the end.

    ``render`` runs in the streams' threads. A client that was cut off goes on ``after`` the last
    position that it had.
    """
    reader = Reader(job_id, render, after)
    log_id, over = after.log_id, False
    async with feed_of(job_id, log_id) as feed:
        while not over:
            batch = await feed.next(log_id)
            log_id, over = batch.last_id, batch.over
            texts = reader.texts(batch)
            is_last = False
            while not is_last:
                text, is_last = await in_pool(_piece)(texts)
                if text:
                    yield text


def _piece(texts: Iterator[str]) -> tuple[str, bool]:
    """Return the next bounded part of the texts, and whether it is the last."""
    parts, size = [], 0
    for text in texts:
        parts.append(text)
        size += len(text)
        if size >= PIECE_CHARACTERS:
            return "".join(parts), False
    return "".join(parts), True


class Reader:
    """A reader of a job's log for one client. Its methods are for threads, not for the loop."""

    def __init__(self, job_id: UUID, render: Render, after: StreamPosition = BEGINNING) -> None:
        self._job_id = job_id
        self._render = render
        self._cursor = ReplayCursor(after)

    def texts(self, batch: NewEntries) -> Iterator[str]:
        """Render what is new in a batch; after the last, what only the row has, and the end.

        Nothing decoded is held while the client takes what was rendered: 50 results of 2,000 tokens
        are a million objects, which each full garbage collection would walk.
        """
        yield from filter(None, map(self._entry, batch.entries))
        if batch.over:
            yield from self._rest(batch.last_id)
        elif not batch.entries:
            position = self._cursor.position(batch.last_id)
            yield self._render(LogItem(position, progress=batch.progress))

    def _entry(self, entry: Entry) -> str:
        event = read_event(entry)
        return self._event(event, entry[0].decode()) if event else ""

    def _event(self, event: ChoiceEvent, log_id: str) -> str:
        new = self._cursor.news(event)
        return self._render(LogItem(self._cursor.position(log_id), event=new)) if new else ""

    def _rest(self, log_id: str) -> Iterator[str]:
        job = Job.objects.get(pk=self._job_id)
        yield from filter(None, map(partial(self._row, log_id), job.each_event()))
        end = JobEnd(job.state, job.error)
        yield self._render(LogItem(self._cursor.position(log_id), ended=end))

    def _row(self, log_id: str, row: dict[str, Any]) -> str:
        return self._event(ChoiceEvent(**row), log_id)

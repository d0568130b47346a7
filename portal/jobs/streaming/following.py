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
    START,
    ChoiceEvent,
    Entry,
    JobEnd,
    LogItem,
    ReplayCursor,
    logged,
    read_entry,
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


async def follow(job_id: UUID, render: Render, after: str = START) -> AsyncGenerator[str]:
    """Yield each token once, in order, whatever happens to the stream or the worker; then the end.

    ``render`` runs in the streams' threads. A reader that goes on ``after`` an id is first led past
    what it has had.
    """
    reader = Reader(job_id, render)
    if after != START:
        await in_pool(reader.skip)(after)
    async with feed_of(job_id, after) as feed:
        over = False
        while not over:
            batch = await feed.next(after)
            after, over = batch.last_id, batch.over
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

    def __init__(self, job_id: UUID, render: Render) -> None:
        self._job_id = job_id
        self._render = render
        self._cursor = ReplayCursor()

    def skip(self, until: str) -> None:
        """Pass over what the client has had."""
        for item in logged(self._job_id, until):
            if item.event:
                self._cursor.news(item.event)

    def texts(self, batch: NewEntries) -> Iterator[str]:
        """Render what is new in a batch; after the last, what only the row has, and the end.

        Nothing decoded is held while the client takes what was rendered: 50 results of 2,000 tokens
        are a million objects, which each full garbage collection would walk.
        """
        yield from filter(None, map(self._entry, batch.entries))
        if batch.over:
            yield from self._rest(batch.last_id)
        elif not batch.entries:
            yield self._render(LogItem(batch.last_id, progress=batch.progress))

    def _entry(self, entry: Entry) -> str:
        item = read_entry(entry)
        return self._event(item.event, item.last_id) if item.event else ""

    def _event(self, event: ChoiceEvent, last_id: str) -> str:
        new = self._cursor.news(event)
        return self._render(LogItem(last_id, event=new)) if new else ""

    def _rest(self, last_id: str) -> Iterator[str]:
        job = Job.objects.get(pk=self._job_id)
        yield from filter(None, map(partial(self._row, last_id), job.each_event()))
        yield self._render(LogItem(last_id, ended=JobEnd(job.state, job.error)))

    def _row(self, last_id: str, row: dict[str, Any]) -> str:
        return self._event(ChoiceEvent(**row), last_id)

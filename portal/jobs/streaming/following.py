"""Follow a job live: each token once, in order, whatever happens to stream or worker.

The loop only waits and passes bytes on. What is read is decoded and told in the streams' threads.
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
from portal.jobs.streaming.feeds import Batch, feed_of
from portal.jobs.streaming.threads import in_pool

PIECE_CHARACTERS = 1 << 16

Tell = Callable[[LogItem], str]


async def until_ended(job_id: UUID) -> None:
    """Wait for the job's end, whatever it is."""
    after = START
    async with feed_of(job_id) as feed:
        while not (batch := await feed.next(after)).over:
            after = batch.last_id


async def follow(job_id: UUID, tell: Tell, after: str = START) -> AsyncGenerator[str]:
    """Tell each token once, in order, whatever happens to the stream or the worker; then the end.

    ``tell`` runs in the streams' threads. A reader that goes on ``after`` an id is first led past
    what it has had.
    """
    reader = Reader(job_id, tell)
    if after != START:
        await in_pool(reader.skip)(after)
    async with feed_of(job_id, after) as feed:
        over = False
        while not over:
            batch = await feed.next(after)
            after, over = batch.last_id, batch.over
            told = reader.told(batch)
            while text := await in_pool(_piece)(told):
                yield text


def _piece(told: Iterator[str]) -> str:
    """Return the next bounded part of what is to be told; "" at its end."""
    parts, size = [], 0
    for text in told:
        parts.append(text)
        size += len(text)
        if size >= PIECE_CHARACTERS:
            break
    return "".join(parts)


class Reader:
    """A client's way through a job's log. Its methods are for threads, not for the loop."""

    def __init__(self, job_id: UUID, tell: Tell) -> None:
        self._job_id = job_id
        self._tell = tell
        self._progress = ReplayCursor()

    def skip(self, until: str) -> None:
        """Pass over what the client has had."""
        for item in logged(self._job_id, until):
            if item.event:
                self._progress.news(item.event)

    def told(self, batch: Batch) -> Iterator[str]:
        """Tell what is new in a batch; after the last, what only the row has, and the end.

        Nothing decoded is held while the client takes what it was told: 50 results of 2,000 tokens
        are a million objects, which each full garbage collection would walk.
        """
        yield from filter(None, map(self._entry, batch.entries))
        if batch.over:
            yield from self._rest(batch.last_id)
        elif not batch.entries:
            yield self._tell(LogItem(batch.last_id))

    def _entry(self, entry: Entry) -> str:
        item = read_entry(entry)
        return self._event(item.event, item.last_id) if item.event else ""

    def _event(self, event: ChoiceEvent, last_id: str) -> str:
        new = self._progress.news(event)
        return self._tell(LogItem(last_id, event=new)) if new else ""

    def _rest(self, last_id: str) -> Iterator[str]:
        job = Job.objects.get(pk=self._job_id)
        yield from filter(None, map(partial(self._row, last_id), job.each_event()))
        yield self._tell(LogItem(last_id, ended=JobEnd(job.state, job.error)))

    def _row(self, last_id: str, row: dict[str, Any]) -> str:
        return self._event(ChoiceEvent(**row), last_id)

"""A job's tokens on their way: an event log per job in Redis, replayed from any point.

Everything here may be lost: the row has the result. Each event names the choice, the position of
its first token and the offset of its text, so a reader that meets the same tokens again, from a
second attempt or from the row, takes only what it has not had.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from uuid import UUID

import redis
import redis.asyncio
from django.conf import settings
from redis.exceptions import RedisError

from portal.jobs.hosting import connection
from portal.jobs.models import Job
from portal.jobs.threads import in_thread

log = logging.getLogger(__name__)
MAX_EVENTS = 20_000
TTL_SECONDS = 3600
BLOCK_MS = 1000
AWAY_SECONDS = 0.5
START = "0-0"

# One token: the chosen one first, then the likeliest, each [id, logprob, name].
TokenLogprobs = list[list[Any]]


@dataclass(frozen=True)
class Event:
    """News of one choice. ``position``, ``offset``: where its tokens and its text begin."""

    choice: int
    position: int = 0
    offset: int = 0
    tokens: list[int] = field(default_factory=list)
    text: str = ""
    logprobs: list[TokenLogprobs] | None = None
    prompt_logprobs: list[TokenLogprobs | None] | None = None
    finish_reason: str | None = None


@dataclass(frozen=True)
class Ended:
    """The last word on a job."""

    state: str
    error: str = ""


@dataclass(frozen=True)
class Item:
    """What a reader gets: an event or the end, and the place to go on from. Both None: silence."""

    last_id: str
    event: Event | None = None
    ended: Ended | None = None


def _key(job_id: UUID) -> str:
    return f"weightgate:job:{job_id}"


def append(events: Iterable[tuple[UUID, Event]]) -> None:
    """Write several jobs' events in one round trip. Losing them loses nobody's result."""
    pipeline = connection().pipeline(transaction=False)
    keys = set()
    for job_id, event in events:
        keys.add(_key(job_id))
        body = json.dumps(asdict(event), separators=(",", ":"))
        pipeline.xadd(_key(job_id), {"event": body}, maxlen=MAX_EVENTS, approximate=True)
    for key in keys:
        pipeline.expire(key, TTL_SECONDS)
    _quietly(pipeline)


def announce_end(job_id: UUID, ended: Ended) -> None:
    """Tell readers to look at the row. Call it after commit."""
    pipeline = connection().pipeline(transaction=False)
    pipeline.xadd(_key(job_id), {"ended": json.dumps(asdict(ended))})
    pipeline.expire(_key(job_id), TTL_SECONDS)
    _quietly(pipeline)


def _quietly(pipeline: Any) -> None:
    try:
        pipeline.execute()
    except RedisError as error:
        log.warning("Events were not passed on, the row will have them: %s", error)


class Progress:
    """What one reader has had of each choice."""

    def __init__(self) -> None:
        self._tokens: dict[int, int] = defaultdict(int)
        self._characters: dict[int, int] = defaultdict(int)
        self._begun: set[int] = set()
        self._finished: set[int] = set()

    def news(self, event: Event) -> Event | None:
        """The part that is new; None for nothing, and for what lies behind a gap."""
        tokens, characters = self._tokens[event.choice], self._characters[event.choice]
        gap = event.position > tokens or event.offset > characters
        if event.choice in self._finished or gap:
            return None
        fresh = event.position + len(event.tokens) > tokens
        if not fresh and event.finish_reason is None and event.choice in self._begun:
            return None
        return self._taken(event, tokens - event.position, characters - event.offset)

    def _taken(self, event: Event, skip_tokens: int, skip_characters: int) -> Event:
        first = event.choice not in self._begun
        cut = replace(
            event,
            position=event.position + skip_tokens,
            offset=event.offset + skip_characters,
            tokens=event.tokens[skip_tokens:],
            text=event.text[skip_characters:],
            logprobs=None if event.logprobs is None else event.logprobs[skip_tokens:],
            prompt_logprobs=event.prompt_logprobs if first else None,
        )
        self._begun.add(event.choice)
        self._tokens[event.choice] += len(cut.tokens)
        self._characters[event.choice] += len(cut.text)
        if event.finish_reason is not None:
            self._finished.add(event.choice)
        return cut


def _read(last_id: str, fields: dict[bytes, bytes]) -> Item:
    if b"ended" in fields:
        return Item(last_id, ended=Ended(**json.loads(fields[b"ended"])))
    return Item(last_id, event=Event(**json.loads(fields[b"event"])))


def so_far(job: Job) -> tuple[list[Event], str]:
    """What there is of a job now, and where to go on reading from."""
    if not job.is_open:
        return [Event(**each) for each in job.events], START
    try:
        entries: Any = connection().xrange(_key(job.pk))
    except RedisError:
        return [], START
    progress, last_id, events = Progress(), START, []
    for entry_id, fields in entries:
        last_id = entry_id.decode()
        item = _read(last_id, fields)
        new = progress.news(item.event) if item.event else None
        events += [new] if new else []
    return events, last_id


async def follow(job_id: UUID, after: str = START) -> AsyncGenerator[Item, None]:
    """Each token once, in order, whatever happens to the stream or the worker; then the end.

    A reader that goes on ``after`` an id is first led past what it has had.
    """
    progress = Progress()
    for item in await _had(job_id, after):
        if item.event:
            progress.news(item.event)
    async with aclosing(_entries(job_id, after)) as entries:
        async for item in entries:
            if item.event and (new := progress.news(item.event)):
                yield replace(item, event=new)
            elif item.ended is None and item.event is None:
                yield item
            if item.ended or item.event is None:
                job = await _job(job_id)
                if not job.is_open:
                    for last in _rest(job, progress, item.last_id):
                        yield last
                    return


def _rest(job: Job, progress: Progress, last_id: str) -> list[Item]:
    """What the row has beyond the stream, then the end."""
    missed = [progress.news(Event(**each)) for each in job.events]
    items = [Item(last_id, event=event) for event in missed if event]
    return [*items, Item(last_id, ended=Ended(job.state, job.error))]


@in_thread
def _job(job_id: UUID) -> Job:
    return Job.objects.get(pk=job_id)


async def _had(job_id: UUID, until: str) -> list[Item]:
    if until == START:
        return []
    async with _client() as client:
        try:
            entries: Any = await client.xrange(_key(job_id), max=until)
        except RedisError:
            return []
    return [_read(entry_id.decode(), fields) for entry_id, fields in entries]


async def _entries(job_id: UUID, after: str) -> AsyncGenerator[Item, None]:
    """What is in the stream and what comes; an empty Item after each second of silence."""
    async with _client() as client:
        while True:
            found = await _next(client, job_id, after)
            for entry_id, fields in found:
                after = entry_id.decode()
                yield _read(after, fields)
            if not found:
                yield Item(after)


async def _next(
    client: redis.asyncio.Redis, job_id: UUID, after: str
) -> list[tuple[bytes, dict[bytes, bytes]]]:
    try:
        found = await client.xread({_key(job_id): after}, count=500, block=BLOCK_MS)
    except RedisError as error:
        log.warning("Redis is away; asking the row instead: %s", error)
        await asyncio.sleep(AWAY_SECONDS)
        return []
    return _entries_of(found)


def _entries_of(found: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """The one stream's entries, in either shape that redis-py gives: RESP2's or RESP3's."""
    streams = found.values() if isinstance(found, dict) else [entries for _, entries in found or []]
    flat: list[tuple[bytes, dict[bytes, bytes]]] = []
    for entries in streams:
        for each in entries:
            flat += each if isinstance(each, list) else [each]
    return flat


def _client() -> redis.asyncio.Redis:
    """One connection per reader, without the socket timeout that would cut a blocking read."""
    return redis.asyncio.Redis.from_url(
        settings.REDIS_URL, socket_timeout=None, socket_connect_timeout=2, max_connections=1
    )

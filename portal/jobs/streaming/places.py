"""Limit how many streams a person may follow, counted in Redis for all processes.

A place is a lease, renewed while its stream lives: what a process that was killed had taken lapses.
While Redis is away nobody is held back.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone
from redis.exceptions import RedisError

from portal.jobs.errors import TooManyStreams
from portal.jobs.hosting import connection
from portal.jobs.streaming.threads import in_pool

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=30)
RENEW_SECONDS = 10.0

# Atomic, so that of many requests at once none counts a place that another is about to give up.
TAKE = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
"""


@dataclass(frozen=True)
class Place:
    """A stream's place among its person's."""

    person_id: int
    name: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def key(self) -> str:
        return f"weightgate:streams:{self.person_id}"

    def renew(self, now: datetime) -> None:
        """Hold the place for another lease."""
        until = (now + LEASE).timestamp()
        pipeline = connection().pipeline(transaction=False)
        pipeline.zadd(self.key, {self.name: until})
        pipeline.expire(self.key, LEASE)
        try:
            pipeline.execute()
        except RedisError as error:
            log.warning("A stream's place was not renewed, Redis is away: %s", error)

    def give_back(self) -> None:
        """Let another stream of the person's have the place."""
        try:
            connection().zrem(self.key, self.name)
        except RedisError as error:
            log.warning("A stream's place lapses by itself, Redis is away: %s", error)


def take_place(person_id: int, now: datetime) -> Place:
    """Take a place for a stream. Raises TooManyStreams where the person's places are taken."""
    place, most = Place(person_id), settings.MAX_EVENT_STREAMS
    values = (now.timestamp(), most, (now + LEASE).timestamp(), place.name, LEASE.seconds)
    try:
        taken = connection().eval(TAKE, 1, place.key, *values)
    except RedisError as error:
        log.warning("Streams aren't counted, as Redis is away: %s", error)
        return place
    if not taken:
        raise TooManyStreams(most)
    return place


@asynccontextmanager
async def held(place: Place) -> AsyncIterator[None]:
    """Renew the place while the stream lives, and give it back when its client has left."""
    renewing = asyncio.create_task(_renew(place))
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.shield(in_pool(place.give_back)())


async def _renew(place: Place) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        await in_pool(place.renew)(timezone.now())

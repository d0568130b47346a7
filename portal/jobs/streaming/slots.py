"""Limit how many streams a person may follow at once, counted in Redis for all processes.

A slot is a lease, renewed while its stream lives: what a killed process had taken lapses.
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
from portal.jobs.streaming.threads import in_pool
from portal.redis_client import redis_client

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=30)
RENEW_SECONDS = 10.0

# Atomic, so that of many requests at once none counts a slot that another is about to give up.
TAKE = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
"""


@dataclass(frozen=True)
class StreamSlot:
    """One of the slots for streams that a person has."""

    person_id: int
    name: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def key(self) -> str:
        return f"weightgate:streams:{self.person_id}"

    def renew(self, now: datetime) -> None:
        """Hold the slot for another lease."""
        until = (now + LEASE).timestamp()
        pipeline = redis_client().pipeline(transaction=False)
        pipeline.zadd(self.key, {self.name: until})
        pipeline.expire(self.key, LEASE)
        try:
            pipeline.execute()
        except RedisError as error:
            log.warning("A stream's slot was not renewed, Redis is away: %s", error)

    def give_back(self) -> None:
        """Let another stream of the person's have the slot."""
        try:
            redis_client().zrem(self.key, self.name)
        except RedisError as error:
            log.warning("A stream's slot lapses by itself, Redis is away: %s", error)


def take_slot(person_id: int, now: datetime) -> StreamSlot:
    """Take a slot for a stream. Raises TooManyStreams where the person's slots are taken."""
    slot, most = StreamSlot(person_id), settings.MAX_EVENT_STREAMS
    values = (now.timestamp(), most, (now + LEASE).timestamp(), slot.name, LEASE.seconds)
    try:
        taken = redis_client().eval(TAKE, 1, slot.key, *values)
    except RedisError as error:
        log.warning("Streams aren't counted, as Redis is away: %s", error)
        return slot
    if not taken:
        raise TooManyStreams(most)
    return slot


@asynccontextmanager
async def occupied(slot: StreamSlot) -> AsyncIterator[None]:
    """Renew the slot while the stream lives, and give it back when its client has left."""
    renewing = asyncio.create_task(_renew(slot))
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.shield(in_pool(slot.give_back)())


async def _renew(slot: StreamSlot) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        await in_pool(slot.renew)(timezone.now())

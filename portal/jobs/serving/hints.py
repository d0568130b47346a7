"""Wake the workers of a model when a job of it is queued, by Redis's publish and subscribe.

A hint takes one round trip, and no more time in a worker than waking a thread. It may be lost:
workers poll as well, and the clock's sweep wakes them for what waits.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from portal.queue import enqueue
from portal.redis_client import redis_client

log = logging.getLogger(__name__)
AWAY_SECONDS = 1.0
SOCKET_SECONDS = 5.0
LISTEN_SECONDS = 1.0


def _channel(full_name: str) -> str:
    return f"weightgate:work:{full_name}"


def hint_at_work(full_name: str) -> None:
    """Wake the workers that hold a repo. Call it after commit."""
    try:
        listeners = redis_client().publish(_channel(full_name), "")
    except RedisError as error:
        log.warning("Redis is away; workers will look by themselves: %s", error)
        return
    if not listeners:  # a worker of the version before, or one that is connecting
        enqueue("generate.work", repo=full_name)


class HintListener:
    """A listener to the hints at one repo's jobs, in a thread of its own while it is entered."""

    def __init__(self, full_name: str, wake: Callable[[], None]) -> None:
        self._channel = _channel(full_name)
        self._wake = wake
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="hints", daemon=True)

    def __enter__(self) -> HintListener:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(2 * LISTEN_SECONDS)

    def _listen(self) -> None:
        client = Redis.from_url(
            settings.REDIS_URL, socket_timeout=SOCKET_SECONDS, socket_connect_timeout=2
        )
        while not self._ended.is_set():
            try:
                self._wake_at_each_hint(client)
            except RedisError as error:
                log.warning("No hints, Redis is away: %s", error)
                self._ended.wait(AWAY_SECONDS)
        client.close()

    def _wake_at_each_hint(self, client: Redis) -> None:
        with client.pubsub() as subscription:  # type: ignore[no-untyped-call]
            subscription.subscribe(self._channel)
            while not self._ended.is_set():
                # The confirmation of the subscription wakes as well: hints before it were lost.
                if subscription.get_message(timeout=LISTEN_SECONDS) is not None:
                    self._wake()

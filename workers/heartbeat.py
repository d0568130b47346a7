"""Tell Redis, in a thread of its own, that a hosted model is here and in which state."""

from __future__ import annotations

import logging
import threading

from redis.exceptions import RedisError

from portal.jobs import hosting

log = logging.getLogger(__name__)


class ModelHeartbeat:
    """Tells Redis the model's state again and again, for as long as this process lives."""

    def __init__(self, repo_name: str, commit: str) -> None:
        self._name, self._commit = repo_name, commit
        self._state = hosting.LOADING
        self._changed = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> ModelHeartbeat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._changed.set()
        self._thread.join(hosting.HEARTBEAT_SECONDS * 2)
        self._quietly_stop()

    def set_state(self, state: str) -> None:
        if state == self._state:
            return
        self._state = state
        if state == hosting.LOADING:
            self._quietly_stop()
        self._changed.set()

    def _quietly_stop(self) -> None:
        try:
            hosting.stop_beating(self._name)
        except RedisError as error:
            log.warning("Redis is away, the heartbeat will lapse by itself: %s", error)

    def _beat(self) -> None:
        while not self._ended:
            try:
                hosting.beat(self._name, state=self._state, commit=self._commit)
            except RedisError as error:
                log.warning("No heartbeat, Redis is away: %s", error)
            self._changed.wait(hosting.HEARTBEAT_SECONDS)
            self._changed.clear()

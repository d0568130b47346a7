"""Tell Redis, in a thread of its own, that a hosted model is here and in which state."""

from __future__ import annotations

import logging
import threading

from redis.exceptions import RedisError

from portal.jobs import hosting
from portal.jobs.serving.failing import FAILED, LoadFailure, announce_failure

log = logging.getLogger(__name__)


class ModelHeartbeat:
    """Tells Redis the model's state again and again, for as long as this process lives."""

    def __init__(self, repo_name: str, commit: str) -> None:
        self._name, self._commit = repo_name, commit
        self._state = hosting.LOADING
        self._failure: LoadFailure | None = None
        self._changed = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> ModelHeartbeat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._changed.set()
        self._thread.join(hosting.HEARTBEAT_SECONDS * 2)
        self._quietly_stop(self._state)

    def set_state(self, state: str) -> None:
        if state == self._state:
            return
        before, self._state = self._state, state
        # Nothing else is withdrawn: another worker of the model may say it too.
        if before != hosting.LOADING:
            self._quietly_stop(before)
        self._changed.set()

    def fail(self, failure: LoadFailure) -> None:
        """Tell that the model can't be loaded, until another state is set."""
        self._failure = failure
        self.set_state(FAILED)

    def _quietly_stop(self, state: str) -> None:
        try:
            hosting.stop_beating(self._name, state)
        except RedisError as error:
            log.warning("Redis is away, the heartbeat will lapse by itself: %s", error)

    def _run(self) -> None:
        while not self._ended:
            try:
                self._beat()
            except RedisError as error:
                log.warning("No heartbeat, Redis is away: %s", error)
            self._changed.wait(hosting.HEARTBEAT_SECONDS)
            self._changed.clear()

    def _beat(self) -> None:
        state, failure = self._state, self._failure
        if state == FAILED and failure is not None:
            announce_failure(self._name, failure, ttl_seconds=hosting.HEARTBEAT_TTL_SECONDS)
        else:
            hosting.beat(self._name, state=state, commit=self._commit)

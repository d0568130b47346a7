"""Tell Redis, in a thread of its own, that a hosted model is here and in which state."""

from __future__ import annotations

import logging
import os
import socket
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone
from redis.exceptions import RedisError

from inference.capabilities import CAPABILITIES
from portal.jobs import hosting
from portal.jobs.serving.failing import FAILED, LoadFailure, announce_failure
from portal.jobs.serving.servers import ModelServer, announce_server, withdraw_server

if TYPE_CHECKING:
    from workers.loop import EngineProtocol

log = logging.getLogger(__name__)


class ModelHeartbeat:
    """Tells Redis the model's state again and again, for as long as this process lives."""

    def __init__(self, repo_name: str, commit: str, worker: str = "") -> None:
        self._name, self._commit = repo_name, commit
        self._state = hosting.LOADING
        self._server = ModelServer(
            worker=worker or f"{socket.gethostname()}:{os.getpid()}",
            repo=repo_name,
            commit=commit,
            engine=settings.ENGINE,
            capabilities=tuple(sorted(CAPABILITIES[settings.ENGINE])),
            state=self._state,
            since=timezone.now(),
        )
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
        try:
            withdraw_server(self._server.worker)
        except RedisError as error:
            log.warning("Redis is away, what is served will lapse by itself: %s", error)

    def ready(self, engine: EngineProtocol) -> None:
        """Tell that an engine serves the model, and what it can do."""
        self._server = replace(
            self._server,
            capabilities=tuple(sorted(engine.capabilities)),
            context_length=engine.max_model_len,
        )
        self.set_state(hosting.READY)

    def set_state(self, state: str) -> None:
        if state == self._state:
            return
        before, self._state = self._state, state
        self._server = replace(self._server, state=state, since=timezone.now())
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
        announce_server(self._server, timezone.now())
        if state == FAILED and failure is not None:
            announce_failure(self._name, failure, ttl_seconds=hosting.HEARTBEAT_TTL_SECONDS)
        else:
            hosting.beat(self._name, state=state, commit=self._commit)

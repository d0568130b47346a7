"""Load the engine that serves a revision, again and again until that succeeds.

A worker that fails several times in a row says so, and isn't waited for any more.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import Error as DatabaseAway
from django.utils import timezone
from redis.exceptions import RedisError

from inference.errors import CheckpointError, ConfigError, EngineNotStarted
from portal.catalog.models import Revision
from portal.database.refusals import reason_of
from portal.jobs.serving.failing import LoadFailure
from portal.redis_client import redis_client
from portal.storage import BlobMissing, CorruptBlob
from workers.heartbeat import ModelHeartbeat
from workers.loop import EngineProtocol
from workers.models import materialise

if TYPE_CHECKING:
    from inference.vllm.server import VllmOptions

log = logging.getLogger(__name__)
OUT_OF_MEMORY = ("out of memory", "OutOfMemoryError", "No available memory for the cache blocks")
# What passes by itself, as a store that is away for a moment or memory that an ended process still
# holds, passes within so many.
LOADS = 3
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 2.0, 60.0
LOOK_SECONDS = 5.0
REMEMBERED = timedelta(days=1)
LONGEST_DETAIL = 300
KILLED = "the worker ended each time it loaded it"
KILLED_DETAIL = (
    "The worker’s process ended each time it loaded the model. It may have been killed for want of "
    "memory: see the kernel’s log."
)


def make_engine(folder: str) -> EngineProtocol:
    """Make the engine that settings choose."""
    if settings.ENGINE == "vllm":
        return make_vllm(folder)
    from inference import Engine  # torch is slow to import, and beat needs none of it

    return Engine(
        model=folder,
        tensor_parallel_size=settings.ENGINE_TENSOR_PARALLEL_SIZE,
        pipeline_parallel_size=settings.ENGINE_PIPELINE_PARALLEL_SIZE,
        device=settings.ENGINE_DEVICE,
        dtype=settings.ENGINE_DTYPE,
        max_num_seqs=settings.ENGINE_MAX_NUM_SEQS,
        rank_timeout_seconds=settings.ENGINE_RANK_TIMEOUT.total_seconds(),
    )


def make_vllm(folder: str) -> EngineProtocol:
    """Start vLLM on a folder. Raises EngineNotStarted, and ValueError where none is configured."""
    from inference.vllm.engine import VllmEngine

    if not settings.VLLM:
        raise ValueError("WEIGHTGATE_VLLM is not set: give it the path of the vllm command")
    # A sample that has given way goes on in vLLM, beside the one that got its place.
    return VllmEngine(folder, vllm_options(2 * settings.ENGINE_MAX_NUM_SEQS))


def vllm_options(max_num_seqs: int) -> VllmOptions:
    """Return how settings have vLLM started, for so many samples at once."""
    from inference.vllm.server import VllmOptions

    return VllmOptions(
        command=settings.VLLM,
        arguments=settings.VLLM_ARGS,
        tensor_parallel_size=settings.ENGINE_TENSOR_PARALLEL_SIZE,
        pipeline_parallel_size=settings.ENGINE_PIPELINE_PARALLEL_SIZE,
        max_num_seqs=max_num_seqs,
        start_seconds=settings.VLLM_START_SECONDS,
    )


def load_engine(
    revision: Revision,
    heartbeat: ModelHeartbeat,
    pause: Callable[[float], bool],
) -> EngineProtocol | None:
    """Load a revision until that succeeds; None where there is something else to do.

    ``pause`` waits for so many seconds, and tells whether to try again after them. Raises the
    database's errors, which say nothing of the model.
    """
    loads = BegunLoads(revision)
    failure = loads.ended_with_the_process()
    while True:
        if failure is not None and loads.in_vain >= LOADS:
            heartbeat.fail(failure)
        loads.begin()
        try:
            engine = make_engine(str(materialise(revision)))
        except DatabaseAway:
            loads.forget()
            raise
        except Exception as error:
            log.exception("%s can’t be loaded, try %d", revision, loads.in_vain)
            failure = LoadFailure(loads.since, _reason(error), _detail(error))
        else:
            loads.forget()
            return engine
        if loads.in_vain >= LOADS:
            heartbeat.fail(failure)
        if not pause(min(PAUSE_SECONDS * 2 ** (loads.in_vain - 1), LONGEST_PAUSE_SECONDS)):
            loads.forget()
            return None


def _reason(error: Exception) -> str:
    """Say why in words for everybody, which name nothing of this installation."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "it needs more memory than there is"
    if isinstance(error, EngineNotStarted) and any(sign in str(error) for sign in OUT_OF_MEMORY):
        return "it needs more memory than there is"
    if isinstance(error, ConfigError | CheckpointError | BlobMissing | CorruptBlob):
        return "its files can’t be read"
    return "the engine doesn’t start"


def _detail(error: Exception) -> str:
    return f"{type(error).__name__}: {reason_of(error)}"[:LONGEST_DETAIL]


class BegunLoads:
    """The loads of a revision that began on this host and haven't succeeded since.

    Redis keeps them, so that a process that is killed as it loads, as for want of memory, is
    counted by the next one.
    """

    def __init__(self, revision: Revision) -> None:
        name = f"{revision.repo_id}:{revision.commit}:{socket.gethostname()}"
        self._key = f"weightgate:worker:loads:{name}"
        self._times = self._remembered()

    @property
    def in_vain(self) -> int:
        return len(self._times)

    @property
    def since(self) -> datetime:
        return self._times[0]

    def ended_with_the_process(self) -> LoadFailure | None:
        """Return the failure of earlier processes, where there were any."""
        return LoadFailure(self.since, KILLED, KILLED_DETAIL) if self._times else None

    def begin(self) -> None:
        """Count a load before it begins: the process may not live to do so afterwards."""
        self._times.append(timezone.now())
        try:
            redis_client().rpush(self._key, self._times[-1].isoformat())
            redis_client().expire(self._key, REMEMBERED)
        except RedisError as error:
            log.warning("Redis is away, a load is counted here alone: %s", error)

    def forget(self) -> None:
        self._times = []
        try:
            redis_client().delete(self._key)
        except RedisError as error:
            log.warning("Redis is away, loads are forgotten here alone: %s", error)

    def _remembered(self) -> list[datetime]:
        try:
            times: Any = redis_client().lrange(self._key, 0, -1)
        except RedisError as error:
            log.warning("Redis is away, earlier loads aren’t known: %s", error)
            return []
        return [datetime.fromisoformat(time.decode()) for time in times]

"""Watch over the other ranks from rank 0: send heartbeats, and end them all when one fails."""

import atexit
import logging
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import torch
from torch.distributed import Store  # type: ignore[attr-defined]

from inference.distributed.communicator import Communicator
from inference.distributed.messages import Heartbeat, Shutdown, UnloadModel
from inference.errors import RanksFailed

log = logging.getLogger(__name__)
HEARTBEATS_PER_DEADLINE = 4
EXIT_REASON_SECONDS = 2.0  # a rank that failed may need so long to say why
SHUTDOWN_SECONDS = 10.0
T = TypeVar("T")


class Supervisor:
    """Runs collective work on rank 0; after the first failure every call raises RanksFailed.

    processes: the other ranks by number, where this process started them. threads: torch's number
    of threads before that, to be set again at the end. outlives_engine: the ranks were started by
    torchrun, and wait for another model after an engine is closed.
    """

    def __init__(
        self,
        communicator: Communicator,
        store: Store,
        deadline: timedelta,
        *,
        processes: dict[int, subprocess.Popen[bytes]] | None = None,
        threads: int | None = None,
        outlives_engine: bool = False,
    ) -> None:
        self.communicator, self.outlives_engine = communicator, outlives_engine
        self._store, self._processes, self._threads = store, processes or {}, threads
        self._deadline_seconds = deadline / timedelta(seconds=1)
        # one collective at a time: the heartbeat must never mix with a step's messages
        self._lock = threading.Lock()
        self._failure: str | None = None
        self._ended = threading.Event()
        self._last_message_at = time.monotonic()
        self._heartbeat_thread = threading.Thread(
            target=self._send_heartbeats, name="ranks", daemon=True
        )
        self._heartbeat_thread.start()
        atexit.register(self.shut_down)

    def run_collective(self, work: Callable[[], T]) -> T:
        """Run work in which all ranks take part. Raises RanksFailed, then at every later call."""
        with self._lock:
            if self._failure is not None:
                raise RanksFailed(self._failure)
            try:
                return work()
            except BaseException as error:  # Ctrl-C too leaves the others in the middle of it
                self._failure = self._terminate_all(str(error) or type(error).__name__)
                if not isinstance(error, Exception):
                    raise
                raise RanksFailed(self._failure) from error
            finally:
                self._last_message_at = time.monotonic()

    def release(self) -> None:
        """Take the model from the ranks when its engine closes: they wait for another, or end."""
        if self.outlives_engine:
            self._unless_failed(lambda: self.communicator.broadcast(UnloadModel()))
        else:
            self.shut_down()

    def shut_down(self) -> None:
        """End all ranks in good order. A second call does nothing."""
        if self._ended.is_set():
            return
        self._ended.set()
        atexit.unregister(self.shut_down)
        self._heartbeat_thread.join()
        self._unless_failed(self._shut_down_ranks)

    def _shut_down_ranks(self) -> None:
        self.communicator.broadcast(Shutdown())
        self.communicator.close()
        give_up_at = time.monotonic() + SHUTDOWN_SECONDS
        for process in self._processes.values():
            try:
                process.wait(max(give_up_at - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._restore_threads()

    def _unless_failed(self, work: Callable[[], None]) -> None:
        if self._failure is not None:
            return
        try:
            self.run_collective(work)
        except RanksFailed as error:
            log.warning("%s", error)

    def _send_heartbeats(self) -> None:
        """Send a heartbeat whenever no step has been for a while.

        The other ranks would take silence for the death of rank 0, and an idle rank 0 would not
        notice theirs.
        """
        pause = self._deadline_seconds / HEARTBEATS_PER_DEADLINE
        while not self._ended.wait(pause):
            if self._failure is not None:
                return
            if time.monotonic() - self._last_message_at < pause / 2:
                continue
            try:
                self.run_collective(self._heartbeat)
            except RanksFailed as error:
                log.error("%s", error)
                return

    def _heartbeat(self) -> None:
        self.communicator.broadcast(Heartbeat())
        self.communicator.barrier()

    def _terminate_all(self, symptom: str) -> str:
        """Kill the ranks that are left after a failure, and return its cause as a sentence."""
        cause = self._cause(symptom)
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait()
        # in a thread, since NCCL may wait for dead ranks without end
        closing = threading.Thread(target=self.communicator.close, daemon=True)
        closing.start()
        closing.join(SHUTDOWN_SECONDS)
        self._restore_threads()
        return cause

    def _cause(self, symptom: str) -> str:
        """Name the ranks that died or failed; a silent rank only where no other is to blame.

        When one rank fails, the others soon fail too, because they lost it. So this waits a moment
        for a cause that isn't such a consequence.
        """
        others = range(1, self.communicator.layout.ranks)
        give_up_at = time.monotonic() + EXIT_REASON_SECONDS
        ends: dict[int, str | None] = {}
        while time.monotonic() < give_up_at:
            ends = {rank: self._end_of(rank) for rank in others}
            causes = [end for end in ends.values() if end and not _is_consequence(end)]
            if causes:
                return "; ".join(causes)
            if all(ends.values()):
                break
            time.sleep(0.02)
        silent = [str(rank) for rank, end in ends.items() if end is None]
        if silent:
            return (
                f"no answer within {self._deadline_seconds:g} s from rank {', '.join(silent)} "
                f"({symptom})"
            )
        return f"the ranks lost each other ({symptom})"

    def _end_of(self, rank: int) -> str | None:
        """Say how a rank ended; None while it seems to live."""
        process = self._processes.get(rank)
        status = None if process is None else process.poll()
        if status is not None and status < 0:
            return f"rank {rank} was killed by signal {-status}"
        reason = exit_reason(self._store, rank)
        if reason is not None:
            return f"rank {rank} failed: {reason}"
        return None if status is None else f"rank {rank} ended with status {status}"

    def _restore_threads(self) -> None:
        if self._threads is not None:
            torch.set_num_threads(self._threads)


def set_exit_reason(store: Store, rank: int, error: Exception) -> None:
    """Leave the reason why this rank ends where rank 0 reads it."""
    store.set(f"failed/{rank}", f"{type(error).__name__}: {error}")


def exit_reason(store: Store, rank: int) -> str | None:
    """Return the reason that a rank left when it ended; None if it left none."""
    key = f"failed/{rank}"
    return store.get(key).decode() if store.check([key]) else None


def _is_consequence(end: str) -> bool:
    """Tell whether a rank only says that it lost another."""
    return f"failed: {RanksFailed.__name__}" in end

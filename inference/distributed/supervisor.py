"""The other ranks, as rank 0 knows them: kept awake between steps, and buried when one fails."""

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

from inference.distributed.communicator import Group
from inference.distributed.messages import Beat, Drop, End
from inference.errors import RanksFailed

log = logging.getLogger(__name__)
BEATS_PER_DEADLINE = 4
LAST_WORDS_SECONDS = 2.0
GOODBYE_SECONDS = 10.0
T = TypeVar("T")


class Crew:
    """All that is done together goes through ``together``; the first failure is the last.

    children: processes by rank, where this one started them. threads: torch's before that, to
    be set again. lasts: the ranks outlive an engine, and wait for the next.
    """

    def __init__(
        self,
        group: Group,
        store: Store,
        deadline: timedelta,
        *,
        children: dict[int, subprocess.Popen[bytes]] | None = None,
        threads: int | None = None,
        lasts: bool = False,
    ) -> None:
        self.group, self.lasts = group, lasts
        self._store, self._children, self._threads = store, children or {}, threads
        self._seconds = deadline / timedelta(seconds=1)
        self._lock = threading.Lock()
        self._failure: str | None = None
        self._ended = threading.Event()
        self._spoke_at = time.monotonic()
        self._heart = threading.Thread(target=self._beat, name="ranks", daemon=True)
        self._heart.start()
        atexit.register(self.end)

    def together(self, work: Callable[[], T]) -> T:
        """Do what all ranks do at once. Raises RanksFailed if it fails, and then ever after."""
        with self._lock:
            if self._failure is not None:
                raise RanksFailed(self._failure)
            try:
                return work()
            except BaseException as error:  # Ctrl-C too leaves the others in the middle of it
                self._failure = self._bury(str(error) or type(error).__name__)
                if not isinstance(error, Exception):
                    raise
                raise RanksFailed(self._failure) from error
            finally:
                self._spoke_at = time.monotonic()

    def dismiss(self) -> None:
        """The engine is closed: the ranks wait for another, or end."""
        if self.lasts:
            self._unless_failed(lambda: self.group.tell(Drop()))
        else:
            self.end()

    def end(self) -> None:
        """Let the ranks go. Twice is harmless."""
        if self._ended.is_set():
            return
        self._ended.set()
        atexit.unregister(self.end)
        self._heart.join()
        self._unless_failed(self._part)

    def _part(self) -> None:
        self.group.tell(End())
        self.group.close()
        until = time.monotonic() + GOODBYE_SECONDS
        for child in self._children.values():
            try:
                child.wait(max(until - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._restore_threads()

    def _unless_failed(self, work: Callable[[], None]) -> None:
        if self._failure is not None:
            return
        try:
            self.together(work)
        except RanksFailed as error:
            log.warning("%s", error)

    def _beat(self) -> None:
        """The others would take silence for rank 0's death, and rank 0 wants signs of life."""
        pause = self._seconds / BEATS_PER_DEADLINE
        while not self._ended.wait(pause):
            if self._failure is not None:
                return
            if time.monotonic() - self._spoke_at < pause / 2:
                continue
            try:
                self.together(self._ask_all)
            except RanksFailed as error:
                log.error("%s", error)
                return

    def _ask_all(self) -> None:
        self.group.tell(Beat())
        self.group.meet()

    def _bury(self, symptom: str) -> str:
        """End what is left after a failure; who caused it, in a sentence."""
        cause = self._cause(symptom)
        for child in self._children.values():
            child.kill()
        for child in self._children.values():
            child.wait()
        leaving = threading.Thread(target=self.group.close, daemon=True)
        leaving.start()
        leaving.join(GOODBYE_SECONDS)  # NCCL might wait for the dead
        self._restore_threads()
        return cause

    def _cause(self, symptom: str) -> str:
        """Who died or failed; who is merely silent only when nobody else is to blame."""
        others = range(1, self.group.layout.ranks)
        until = time.monotonic() + LAST_WORDS_SECONDS
        fates: dict[int, str | None] = {}
        while time.monotonic() < until:
            fates = {rank: self._fate(rank) for rank in others}
            causes = [fate for fate in fates.values() if fate and not _is_consequence(fate)]
            if causes:
                return "; ".join(causes)
            if all(fates.values()):
                break
            time.sleep(0.02)
        silent = [str(rank) for rank, fate in fates.items() if fate is None]
        if silent:
            return f"no answer within {self._seconds:g} s from rank {', '.join(silent)} ({symptom})"
        return f"the ranks lost each other ({symptom})"

    def _fate(self, rank: int) -> str | None:
        """How a rank ended; None while it seems to live."""
        child = self._children.get(rank)
        status = None if child is None else child.poll()
        if status is not None and status < 0:
            return f"rank {rank} was killed by signal {-status}"
        words = last_words(self._store, rank)
        if words is not None:
            return f"rank {rank} failed: {words}"
        return None if status is None else f"rank {rank} ended with status {status}"

    def _restore_threads(self) -> None:
        if self._threads is not None:
            torch.set_num_threads(self._threads)


def leave_words(store: Store, rank: int, error: Exception) -> None:
    """Say why this rank ends; rank 0 reads it."""
    store.set(f"failed/{rank}", f"{type(error).__name__}: {error}")


def last_words(store: Store, rank: int) -> str | None:
    """Why a rank ended, if it said so."""
    key = f"failed/{rank}"
    return store.get(key).decode() if store.check([key]) else None


def _is_consequence(fate: str) -> bool:
    """Whether a rank only says that it lost another."""
    return f"failed: {RanksFailed.__name__}" in fate

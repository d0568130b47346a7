"""The engine's thread: the only one that calls ``step``. It knows no database."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from typing import Protocol
from uuid import UUID

from django.utils import timezone

from inference.engine.outputs import EngineRequest, TokenEvent
from portal.jobs.models import Job
from portal.jobs.services import LeaseStatus
from portal.jobs.streaming.event_log import ChoiceEvent, append
from workers.runs import Run, Turn, job_of
from workers.shares import Shares

log = logging.getLogger(__name__)
IDLE_SECONDS = 1.0
STOP_SECONDS = 10.0


class EngineProtocol(Protocol):
    """What a worker asks of any engine."""

    def submit(self, request: EngineRequest) -> str: ...
    def step(self) -> list[TokenEvent]: ...
    def cancel(self, request_id: str) -> bool: ...
    def close(self) -> None: ...
    @property
    def has_work(self) -> bool: ...


class EngineLoop:
    """Feeds the engine fairly, shares out its time, passes its events on."""

    def __init__(
        self, engine: EngineProtocol, max_num_seqs: int, on_ended: Callable[[], None]
    ) -> None:
        self.engine = engine
        self.max_num_seqs = max_num_seqs
        self.ended: deque[Run] = deque()
        self.broken = False
        self._on_ended = on_ended
        self._arrived: deque[Run] = deque()
        self._runs: dict[UUID, Run] = {}
        self._arrivals = count()
        self._work = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> list[Run]:
        """End after the step at hand; the runs that did not come to their ends."""
        self._stopping = True
        self._work.set()
        self._thread.join(STOP_SECONDS)
        self.engine.close()
        return self.runs()

    def add(self, job: Job) -> None:
        self._arrived.append(Run.of(job))
        self._work.set()

    def runs(self) -> list[Run]:
        return [*self._runs.copy().values(), *self._arrived.copy()]

    def halt(self, run: Run, lease_status: LeaseStatus) -> None:
        """Take a run out of the engine before its next step."""
        run.lease_status = lease_status
        self._work.set()

    def crowd(self) -> set[int] | None:
        """Return the people of whom no more jobs are wanted now; None when nobody's are.

        As many jobs as the engine has places are always wanted, and beyond that those of people who
        have none here: one person's jobs keep nobody from the next place.
        """
        runs = self.runs()
        people = {run.job.person_id for run in runs}
        if len(runs) < self.max_num_seqs:
            return set()
        return people if len(people) < self.max_num_seqs else None

    def _loop(self) -> None:
        try:
            while not self._stopping:
                self._turn()
        except Exception:
            log.exception("The engine broke; its jobs go back to the queue")
            self.broken = True
            self._on_ended()

    def _turn(self) -> None:
        self._take_in()
        self._drop_halted()
        self._feed()
        if not self.engine.has_work:
            self._retire()
            self._work.wait(IDLE_SECONDS)
            self._work.clear()
            return
        began = time.perf_counter()
        told = self.engine.step()
        self._share(time.perf_counter() - began)
        append(self._passed_on(told))
        self._retire()

    def _take_in(self) -> None:
        while self._arrived:
            run = self._arrived[0]
            self._runs[run.job.pk] = run
            self._arrived.popleft()

    def _drop_halted(self) -> None:
        for run in list(self._runs.values()):
            if run.lease_status is not LeaseStatus.RENEWED:
                self._cancel(run)
                self._end(run)

    def _cancel(self, run: Run) -> None:
        for request_id in list(run.live):
            self.engine.cancel(request_id)
        run.live.clear()
        run.waiting.clear()

    def _feed(self) -> None:
        shares = self._shares()
        while (turn := shares.next()) is not None:
            self._submit(*turn)

    def _shares(self) -> Shares:
        return Shares(self._runs.values(), self.max_num_seqs, self._arrivals)

    def _submit(self, run: Run, turn: Turn) -> None:
        request = run.request(run.waiting.popleft(), turn)
        try:
            run.live[self.engine.submit(request)] = turn
        except ValueError as error:
            run.error = str(error)

    def _share(self, seconds: float) -> None:
        running = self._shares().running()
        for run in running:
            run.engine_seconds += seconds / len(running)

    def _passed_on(self, told: Iterable[TokenEvent]) -> list[tuple[UUID, ChoiceEvent]]:
        """Events for the readers of streams; who waits for the whole reads the row."""
        now, passed = timezone.now(), []
        for each in told:
            job_id = job_of(each.request_id)
            run = self._runs.get(job_id)
            if run is None or each.request_id not in run.live:
                continue  # of a run that was halted
            event = run.take(each, now)
            if run.job.stream:
                passed.append((job_id, event))
        return passed

    def _retire(self) -> None:
        for run in list(self._runs.values()):
            if run.done:
                self._cancel(run)
                self._end(run)

    def _end(self, run: Run) -> None:
        self.ended.append(run)
        del self._runs[run.job.pk]
        self._on_ended()

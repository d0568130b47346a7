"""Run the engine in a thread of its own, which alone calls ``step`` and knows no database."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from itertools import count
from typing import Protocol
from uuid import UUID

from django.utils import timezone

from inference.capabilities import Capability
from inference.engine.outputs import EngineRequest, EngineStats, TokenEvent
from inference.interp.spec import WhiteBox
from portal.jobs.models import Job
from portal.jobs.services import Lane, LeaseStatus
from portal.jobs.streaming.event_log import ChoiceEvent, append
from workers.captures.keeper import CaptureKeeper
from workers.captures.white_box import NOTHING
from workers.energy.account import EnergyAccount
from workers.energy.meter import EnergyMeter, EstimateMeter
from workers.runs import Run, Turn, job_of
from workers.sharing.counters import FairCounters
from workers.sharing.shares import Placement, Shares

log = logging.getLogger(__name__)
IDLE_SECONDS = 1.0
STOP_SECONDS = 10.0
LANES_PER_PLACE = 8  # of which jobs are claimed, at most
SAMPLES_AHEAD = 2  # of a lane, which wait here


class EngineProtocol(Protocol):
    """An engine, as far as a worker uses it. ``submit`` refuses what it isn't capable of."""

    capabilities: frozenset[Capability]
    max_model_len: int

    def submit(self, request: EngineRequest) -> str: ...
    def step(self) -> list[TokenEvent]: ...
    def set_priority(self, request_id: str, priority: int) -> bool: ...
    def cancel(self, request_id: str) -> bool: ...
    def stats(self) -> EngineStats: ...
    def close(self) -> None: ...
    @property
    def has_work(self) -> bool: ...


class EngineLoop:
    """Submits people's samples fairly, shares out the engine's time and passes its events on.

    Other threads add and halt runs through thread-safe queues; only the engine's thread touches
    the engine and ``_runs``.
    """

    def __init__(
        self,
        engine: EngineProtocol,
        max_num_seqs: int,
        on_ended: Callable[[], None],
        meter: EnergyMeter | None = None,
    ) -> None:
        self.engine = engine
        self.energy = EnergyAccount(meter or EstimateMeter())
        self.max_num_seqs = max_num_seqs
        self.ended: deque[Run] = deque()
        self.generated_tokens = 0
        self._uncharged_seconds = 0.0  # of steps that only waited for tokens, as vLLM's do
        self.broken = False
        self._on_ended = on_ended
        self._arrived: deque[Run] = deque()
        self._runs: dict[UUID, Run] = {}
        self._keeper = CaptureKeeper(on_kept=self._hand_over)
        self._keeping: dict[UUID, Run] = {}  # whose captures are being stored
        self._arrivals = count()
        self._counters = FairCounters()
        self._work = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> list[Run]:
        """End after the current step, and return the runs that are unfinished."""
        self._stopping = True
        self._work.set()
        self._thread.join(STOP_SECONDS)
        self._keeper.close()
        self.engine.close()
        return self.runs()

    def add(self, job: Job, white_box: WhiteBox = NOTHING) -> None:
        self._arrived.append(Run.of(job, white_box))
        self._work.set()

    def runs(self) -> list[Run]:
        in_engine = self._runs.copy()
        keeping = [run for run in self._keeping.copy().values() if run.job.pk not in in_engine]
        return [*in_engine.values(), *keeping, *self._arrived.copy()]

    def halt(self, run: Run, status: LeaseStatus) -> None:
        """Have a run taken out of the engine before its next step."""
        run.lease_status = status
        self._work.set()

    def lanes_passed_over(self) -> set[Lane] | None:
        """Return the lanes whose jobs should not be claimed now; None if nobody's should.

        Until there are samples for each place, anybody's jobs are claimed. Beyond that each lane
        has some samples that wait here, so that whoever's turn it is has one ready.
        """
        runs = self.runs()
        if sum(run.sample_count for run in runs) < self.max_num_seqs:
            return set()
        waiting: Counter[Lane] = Counter()
        for run in runs:
            waiting[Lane.of(run.job)] += run.waiting_count
        if len(waiting) >= LANES_PER_PLACE * self.max_num_seqs:
            return None
        return {lane for lane, samples in waiting.items() if samples >= SAMPLES_AHEAD}

    def _loop(self) -> None:
        try:
            while not self._stopping:
                self._turn()
        except Exception:
            log.exception("The engine broke; its jobs go back to the queue")
            self.broken = True
            self._on_ended()
        finally:
            self.energy.idle()

    def _turn(self) -> None:
        self._add_arrived()
        self._end_halted()
        self._submit_samples()
        if not self.engine.has_work:
            self._end_done()
            self._work.wait(IDLE_SECONDS)
            self._work.clear()
            self.energy.idle()
            self._uncharged_seconds = 0.0
            return
        began = time.perf_counter()
        events = self.engine.step()
        self._charge(time.perf_counter() - began)
        append(self._stream_events(events))
        self._end_done()

    def _add_arrived(self) -> None:
        while self._arrived:
            run = self._arrived[0]
            self._runs[run.job.pk] = run
            self._arrived.popleft()  # only now, so that ``runs`` never misses it

    def _end_halted(self) -> None:
        for run in list(self._runs.values()):
            if run.lease_status is not LeaseStatus.RENEWED:
                self._cancel(run)
                self._end(run)

    def _cancel(self, run: Run) -> None:
        for request_id in list(run.live):
            self.engine.cancel(request_id)
        run.live.clear()
        run.waiting.clear()

    def _submit_samples(self) -> None:
        shares = Shares(self._runs.values(), self.max_num_seqs, self._counters, self._arrivals)
        while (placement := shares.next()) is not None:
            self._place(placement)

    def _place(self, placement: Placement) -> None:
        if placement.displaced is not None:
            sample = placement.displaced
            self._turn_over(sample.run, sample.request_id, sample.turn.displaced())
        if placement.resumed is None:
            self._submit(placement.run, placement.turn)
        else:
            self._turn_over(placement.run, placement.resumed, placement.turn)

    def _turn_over(self, run: Run, request_id: str, turn: Turn) -> None:
        run.live[request_id] = turn
        self.engine.set_priority(request_id, turn.engine_priority)

    def _submit(self, run: Run, turn: Turn) -> None:
        request = run.request(run.waiting.popleft(), turn)
        try:
            run.live[self.engine.submit(request)] = turn
        except ValueError as error:
            run.error = str(error)
        else:
            self._counters.charge(run.job, len(request.prompt_token_ids))

    def _charge(self, seconds: float) -> None:
        """Share a step's time and energy out to runs by the tokens that it computed for them.

        What a step used that brought no token goes with the next that does.
        """
        scheduled = self.engine.stats().num_scheduled_tokens
        total = sum(scheduled.values())
        seconds += self._uncharged_seconds
        self._uncharged_seconds = 0.0 if total else seconds
        if not total:
            return
        metered = self.energy.step(total)
        for request_id, tokens in scheduled.items():
            part = tokens / total
            run = self._runs[job_of(request_id)]
            run.charge(tokens, seconds * part, metered.share(part))

    def _stream_events(self, token_events: Iterable[TokenEvent]) -> list[tuple[UUID, ChoiceEvent]]:
        """Take in the engine's events, and return those of jobs that are streamed.

        Readers of other jobs wait for the whole text, which is committed to the job's row.
        """
        now, streamed = timezone.now(), []
        for token_event in token_events:
            job_id = job_of(token_event.request_id)
            run = self._runs.get(job_id)
            if run is None or token_event.request_id not in run.live:
                continue  # its run was halted
            event = run.take(token_event, now)
            self.generated_tokens += len(token_event.token_ids)
            self._counters.charge(run.job, len(token_event.token_ids))
            if run.job.stream:
                streamed.append((job_id, event))
        return streamed

    def _end_done(self) -> None:
        for run in list(self._runs.values()):
            if run.done:
                self._cancel(run)
                self._end(run)

    def _end(self, run: Run) -> None:
        run.ended_at = timezone.now()
        if run.has_captures:
            self._keeping[run.job.pk] = run  # first, so that ``runs`` never misses it
            del self._runs[run.job.pk]
            self._keeper.keep(run)
            return
        self.ended.append(run)
        del self._runs[run.job.pk]
        self._on_ended()

    def _hand_over(self, run: Run) -> None:
        """Give a run to the dispatcher, once its captures are stored."""
        self.ended.append(run)
        del self._keeping[run.job.pk]
        self._on_ended()

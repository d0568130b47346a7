"""Hosted inference: claims rows for the engine and commits what comes of them.

One thread, the clerk, talks to the database; the engine's thread (``workers.loop``) does not; a
third says in Redis that the model is here. A hint only wakes the clerk, who looks by himself too.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone
from redis.exceptions import RedisError

from portal.catalog.models import ModelRepo, Revision
from portal.catalog.services.lookup import head_revision
from portal.jobs import hosting
from portal.jobs.errors import LeaseLost
from portal.jobs.models import Job
from portal.jobs.services import (
    MAX_ATTEMPTS,
    LeaseStatus,
    cancelled_among,
    claim_next_job,
    fail_job,
    finish_job,
    release_job,
    renew_lease,
)
from portal.observability.request_ids import bound_to
from workers.loop import EngineLoop, EngineProtocol
from workers.models import materialise
from workers.runs import Run

log = logging.getLogger(__name__)
IDLE_SECONDS = 1.0
BUSY_SECONDS = 0.25
TROUBLE_SECONDS = 2.0
HEAD_SECONDS = 5.0
JOIN_SECONDS = 15.0


@dataclass(frozen=True)
class Hosted:
    repo: ModelRepo
    revision: Revision


def find_hosted() -> Hosted | None:
    """What this worker serves: the repo that settings name, else the only one that is hosted."""
    name = settings.HOSTED_MODEL
    repos = hosting.hosted_repos()
    if name:
        repos = [repo for repo in repos if repo.full_name.lower() == name.lower()]
    revision = head_revision(repos[0]) if len(repos) == 1 else None
    return Hosted(repos[0], revision) if revision else None


def make_engine(folder: str) -> EngineProtocol:
    """The engine that settings choose."""
    if settings.ENGINE != "native":
        raise ValueError(f"no such engine: {settings.ENGINE}")
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


class Generator:
    """The clerk, from the worker's start to its end."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clerk", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        """Give the jobs back and end. Returns at once: see ``join``."""
        self._stopping.set()
        self._wake.set()

    def join(self) -> None:
        if self._thread.is_alive():
            self._thread.join(JOIN_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                close_old_connections()
                hosted = find_hosted()
                if hosted is not None:
                    self._serve(hosted)
                    continue
                self._pause(IDLE_SECONDS)
            except Exception:
                log.exception("Hosted inference stumbled; it starts again")
                self._pause(TROUBLE_SECONDS)

    def _pause(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._wake.clear()

    def _serve(self, hosted: Hosted) -> None:
        with Heartbeat(hosted) as heartbeat:
            began = time.monotonic()
            engine = make_engine(str(materialise(hosted.revision)))
            loop = EngineLoop(engine, settings.ENGINE_MAX_NUM_SEQS, on_ended=self.wake)
            loop.start()
            heartbeat.say(hosting.READY)
            log.info("%s is ready after %.1f s", hosted.revision, time.monotonic() - began)
            desk = Desk(hosted, loop, self.name)
            try:
                self._keep(desk, heartbeat)
            finally:
                desk.close()

    def _keep(self, desk: Desk, heartbeat: Heartbeat) -> None:
        """Until the worker stops, the engine breaks, or another revision is to be served."""
        while not (self._stopping.is_set() or desk.loop.broken):
            try:
                close_old_connections()
                desk.round()
            except Exception:
                log.exception("A round failed; what it left undone is done in the next")
                self._pause(TROUBLE_SECONDS)
            if desk.outdated:
                heartbeat.say(hosting.LOADING)  # so nothing new comes, and the rest runs out
                if desk.empty:
                    return
            self._pause(BUSY_SECONDS if desk.loop.runs() else IDLE_SECONDS)


class Desk:
    """The rows of one served revision: claimed, kept, committed."""

    def __init__(self, hosted: Hosted, loop: EngineLoop, worker: str) -> None:
        self.hosted, self.loop, self.worker = hosted, loop, worker
        self.outdated = False
        self.empty = True
        self._renewed_at = self._looked_at = time.monotonic()

    def round(self) -> None:
        self._commit()
        self._heed()
        self._claim()
        self._renew()
        self._look_at_head()

    def close(self) -> None:
        """Commit what has ended and give the rest back."""
        unfinished = self.loop.stop()
        close_old_connections()
        for run in unfinished:
            with run.bound_to_log():
                self._give_back(run)
        self._commit()
        close_old_connections()

    def _give_back(self, run: Run) -> None:
        if self.loop.broken and run.job.attempt >= MAX_ATTEMPTS:  # it may be what breaks engines
            run.error = "The engine broke each time it ran this job, so it was given up."
            self._commit_one(run)
        elif release_job(job_id=run.job.pk, attempt=run.job.attempt):
            log.info("Job %s, attempt %s, goes back to the queue", run.job.pk, run.job.attempt)

    def _commit(self) -> None:
        while self.loop.ended:
            run = self.loop.ended[0]
            with run.bound_to_log():
                self._commit_one(run)
            self.loop.ended.popleft()

    def _commit_one(self, run: Run) -> None:
        given: dict[str, Any] = {
            "job_id": run.job.pk,
            "attempt": run.job.attempt,
            "result": run.result(),
            "now": timezone.now(),
        }
        try:
            if run.lease_status is LeaseStatus.CANCELLED:
                fail_job(**given, error="Stopped on request.", state=Job.State.CANCELLED)
            elif run.lease_status is LeaseStatus.ACCESS_ENDED:
                fail_job(**given, error="Your access to the model ended.")
            elif run.error:
                fail_job(**given, error=run.error)
            elif run.lease_status is LeaseStatus.RENEWED:
                finish_job(**given)
        except LeaseLost:
            log.warning("Job %s, attempt %s, was not ours to end", run.job.pk, run.job.attempt)

    def _heed(self) -> None:
        """Stop what someone wants stopped, and what was ended over our head."""
        runs = {run.job.pk: run for run in self.loop.runs()}
        for job_id in cancelled_among(runs) if runs else ():
            self._check(runs[job_id])

    def _check(self, run: Run) -> None:
        with run.bound_to_log():
            status = renew_lease(job_id=run.job.pk, attempt=run.job.attempt, now=timezone.now())
        if status is not LeaseStatus.RENEWED:
            self.loop.halt(run, status)

    def _claim(self) -> None:
        while (crowd := self.loop.crowd()) is not None:
            job = claim_next_job(
                worker=self.worker,
                passing_over=crowd,
                repo_id=self.hosted.repo.pk,
                revision_id=self.hosted.revision.pk,
                now=timezone.now(),
            )
            if job is None:
                break
            with bound_to(job.http_request_id):
                log.info("Job %s, attempt %s, is claimed", job.pk, job.attempt)
            self.loop.add(job)
        self.empty = not self.loop.runs()

    def _renew(self) -> None:
        if time.monotonic() - self._renewed_at < settings.JOB_LEASE.total_seconds() / 3:
            return
        self._renewed_at = time.monotonic()
        for run in self.loop.runs():
            self._check(run)

    def _look_at_head(self) -> None:
        if time.monotonic() - self._looked_at >= HEAD_SECONDS:
            self._looked_at = time.monotonic()
            self.outdated = find_hosted() != self.hosted


class Heartbeat:
    """Says in Redis what state the model is in, for as long as this process lives."""

    def __init__(self, hosted: Hosted) -> None:
        self._name, self._commit = hosted.repo.full_name, hosted.revision.commit
        self._state = hosting.LOADING
        self._changed = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._changed.set()
        self._thread.join(hosting.HEARTBEAT_SECONDS * 2)
        self._quietly_stop()

    def say(self, state: str) -> None:
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

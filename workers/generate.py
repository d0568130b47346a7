"""Serve hosted inference: claim jobs for the engine and commit their results.

One thread, the dispatcher, talks to the database; the engine's thread (``workers.loop``) does not;
a third sends heartbeats to Redis, a fourth hears its hints. Hints only wake the dispatcher, which
polls as well.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from django.conf import settings
from django.db import close_old_connections, connections
from django.utils import timezone

from portal.catalog.engine_choice import engine_of
from portal.catalog.models import ModelRepo, Revision
from portal.catalog.quarantine.load_results import why_not_loaded
from portal.catalog.services.lookup import head_revision
from portal.jobs import hosting
from portal.jobs.accounting.idle import keep_idle_energy
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
from portal.jobs.services.running import LOST_ACCESS
from portal.jobs.serving.hints import HintListener
from portal.jobs.serving.presence import NOTE_SECONDS, note_served
from portal.observability.request_ids import bound_to
from portal.storage import NoRoom
from workers.captures.spool import require_room_for_captures
from workers.captures.white_box import white_box_of
from workers.energy.meter import find_meter
from workers.heartbeat import ModelHeartbeat
from workers.loading import LOOK_SECONDS, BegunLoads, load_engine
from workers.loop import EngineLoop
from workers.metrics import count_claim, count_end, engine_metrics
from workers.runs import Run
from workers.traces import trace_run

log = logging.getLogger(__name__)
IDLE_SECONDS = 1.0
BUSY_SECONDS = 0.25
TROUBLE_SECONDS = 2.0
HEAD_SECONDS = 5.0
IDLE_KEPT_SECONDS = 30.0
JOIN_SECONDS = 15.0


@dataclass(frozen=True)
class Hosted:
    """The revision that this worker serves, with its repo."""

    repo: ModelRepo
    revision: Revision


def find_hosted(held: Hosted | None = None) -> Hosted | None:
    """Find the head of the repo that settings name, else of the only hosted one, else None.

    Only what the engine of this worker serves counts. Where it hasn't tried the newest revision,
    the one that is ``held`` is served on.
    """
    name = settings.HOSTED_MODEL.lower()
    mine = [
        (repo, revision)
        for repo in hosting.hosted_repos()
        if not name or repo.full_name.lower() == name
        if (revision := head_revision(repo)) and engine_of(repo, revision) == settings.ENGINE
    ]
    if len(mine) != 1:
        return None
    [(repo, revision)] = mine
    if why := why_not_loaded(repo, revision):
        _tell_once(str(revision), why)
        return held if held is not None and held.repo == repo else None
    return Hosted(repo, revision)


@cache
def _tell_once(revision: str, why: str) -> None:
    """Log why a revision isn’t loaded, which is asked every few seconds."""
    log.warning("%s isn’t loaded. %s", revision, why)


class Generator:
    """The dispatcher, from the worker's start to its end."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._hosted: Hosted | None = None
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        """Begin to give the jobs back and end. Returns at once: see ``join``."""
        self._stopping.set()
        self._wake.set()

    def join(self) -> None:
        if self._thread.is_alive():
            self._thread.join(JOIN_SECONDS)
        if self._hosted is not None:  # a load that is broken off on request is no failure
            BegunLoads(self._hosted.revision).forget()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                close_old_connections()  # as Django does between requests, which a thread has not
                self._hosted = find_hosted()
                if self._hosted is not None:
                    self._serve(self._hosted)
                    continue
                self._pause(IDLE_SECONDS)
            except Exception:
                log.exception("Hosted inference failed; it starts again")
                self._pause(TROUBLE_SECONDS)
        connections.close_all()  # this thread's own

    def _pause(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._wake.clear()

    def _stays(self, hosted: Hosted, seconds: float) -> bool:
        """Wait for so long, and tell whether this is then still what should be served."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._stopping.is_set():
            self._stopping.wait(min(left, LOOK_SECONDS))
            close_old_connections()
            if find_hosted(hosted) != hosted:
                return False
        return not self._stopping.is_set()

    def _serve(self, hosted: Hosted) -> None:
        name, commit = hosted.repo.full_name, hosted.revision.commit
        with ModelHeartbeat(name, commit, self.name) as heartbeat:
            began = time.monotonic()
            engine = load_engine(hosted.revision, heartbeat, partial(self._stays, hosted))
            if engine is None:
                return
            places = settings.ENGINE_MAX_NUM_SEQS
            loop = EngineLoop(engine, places, on_ended=self.wake, meter=find_meter())
            loop.start()
            heartbeat.ready(engine)
            log.info("%s is ready after %.1f s", hosted.revision, time.monotonic() - began)
            claims = JobClaims(hosted, loop, self.name)
            with (
                engine_metrics(hosted.repo.full_name, loop),
                HintListener(hosted.repo.full_name, self.wake),
            ):
                try:
                    self._serve_jobs(claims, heartbeat)
                finally:
                    claims.close()

    def _serve_jobs(self, claims: JobClaims, heartbeat: ModelHeartbeat) -> None:
        """Serve until the worker stops, the engine breaks, or another revision must be served."""
        while not (self._stopping.is_set() or claims.loop.broken):
            try:
                close_old_connections()
                claims.update()
            except Exception:
                log.exception("An update of jobs failed; the next one makes up for it")
                self._pause(TROUBLE_SECONDS)
            if claims.outdated:
                heartbeat.set_state(hosting.LOADING)  # so that no new jobs come while these end
                if claims.empty:
                    return
            self._pause(BUSY_SECONDS if claims.loop.runs() else IDLE_SECONDS)


class JobClaims:
    """The jobs of one served revision that this worker has claimed."""

    def __init__(self, hosted: Hosted, loop: EngineLoop, worker: str) -> None:
        self.hosted, self.loop, self.worker = hosted, loop, worker
        self.outdated = False
        self.empty = True
        self._renewed_at = self._head_checked_at = self._idle_kept_at = time.monotonic()
        self._noted_at = -NOTE_SECONDS

    def update(self) -> None:
        """Commit ended jobs, stop cancelled ones, claim new ones, and renew leases.

        Ended jobs come first, so that their places are free when new ones are claimed.
        """
        self._note_served()
        self._commit()
        self._halt_cancelled()
        self._claim()
        self._renew()
        self._check_head()
        if time.monotonic() - self._idle_kept_at >= IDLE_KEPT_SECONDS:
            self._keep_idle_energy()

    def close(self) -> None:
        """Commit what has ended and give the rest back."""
        unfinished = self.loop.stop()
        close_old_connections()
        for run in unfinished:
            with run.bound_to_log():
                self._give_back(run)
        self._commit()
        self._keep_idle_energy()
        close_old_connections()

    def _keep_idle_energy(self) -> None:
        self._idle_kept_at = time.monotonic()
        energy, repo_id, now = self.loop.energy, self.hosted.repo.pk, timezone.now()
        for day, total in energy.idle_totals():
            keep_idle_energy(session=energy.session, repo_id=repo_id, day=day, total=total, now=now)

    def _give_back(self, run: Run) -> None:
        if self.loop.broken and run.job.attempt >= MAX_ATTEMPTS:  # it may be what breaks engines
            run.error = "The engine broke each time it ran this job, so it was given up."
            self._commit_one(run)
        elif release_job(job_id=run.job.pk, attempt=run.job.attempt):
            log.info("Job %s, attempt %s, goes back to the queue", run.job.pk, run.job.attempt)
            self.loop.energy.give_up(run.metered)

    def _commit(self) -> None:
        while self.loop.ended:
            run = self.loop.ended[0]
            began = timezone.now()
            with run.bound_to_log():
                self._commit_one(run)
            self.loop.ended.popleft()  # only now: after a failed commit it is tried again
            count_end(self.hosted.repo.full_name, run)
            trace_run(run, commit_began=began)

    def _commit_one(self, run: Run) -> None:
        arguments: dict[str, Any] = {
            "job_id": run.job.pk,
            "attempt": run.job.attempt,
            "result": run.result(),
            "now": timezone.now(),
        }
        try:
            if run.lease_status is LeaseStatus.CANCELLED:
                fail_job(**arguments, error="Stopped on request.", state=Job.State.CANCELLED)
            elif run.lease_status is LeaseStatus.ACCESS_ENDED:
                fail_job(**arguments, error=LOST_ACCESS)
            elif run.error:
                fail_job(**arguments, error=run.error)
            elif run.lease_status is LeaseStatus.RENEWED:
                finish_job(**arguments)
            else:
                raise LeaseLost
        except LeaseLost:
            self.loop.energy.give_up(run.metered)
            log.warning("Job %s, attempt %s, was not ours to end", run.job.pk, run.job.attempt)

    def _halt_cancelled(self) -> None:
        """Stop runs whose job was cancelled by its owner or ended by the sweeper."""
        runs = {run.job.pk: run for run in self.loop.runs()}
        for job_id in cancelled_among(runs) if runs else ():
            self._renew_lease(runs[job_id])

    def _renew_lease(self, run: Run) -> None:
        with run.bound_to_log():
            status = renew_lease(job_id=run.job.pk, attempt=run.job.attempt, now=timezone.now())
        if status is not LeaseStatus.RENEWED:
            self.loop.halt(run, status)

    def _claim(self) -> None:
        while (passed_over := self.loop.lanes_passed_over()) is not None:
            job = claim_next_job(
                worker=self.worker,
                passing_over=passed_over,
                repo_id=self.hosted.repo.pk,
                revision_id=self.hosted.revision.pk,
                now=timezone.now(),
            )
            if job is None:
                break
            with bound_to(job.http_request_id):
                log.info("Job %s, attempt %s, is claimed", job.pk, job.attempt)
            count_claim(self.hosted.repo.full_name, job)
            self._add(job)
        self.empty = not self.loop.runs()

    def _add(self, job: Job) -> None:
        """Hand a job to the engine, or end it where something that it needs isn't there."""
        now = timezone.now()
        try:
            require_room_for_captures(job)
            self.loop.add(job, white_box_of(job, now))
        except (NoRoom, ValueError) as error:
            words = str(error) if isinstance(error, NoRoom) else f"This can’t be run: {error}."
            fail_job(job_id=job.pk, attempt=job.attempt, error=words, now=now)

    def _renew(self) -> None:
        if time.monotonic() - self._renewed_at < settings.JOB_LEASE.total_seconds() / 3:
            return
        self._renewed_at = time.monotonic()
        for run in self.loop.runs():
            self._renew_lease(run)

    def _note_served(self) -> None:
        # Not in Redis, which may be emptied: that a worker was here makes others’ prompts wait.
        if time.monotonic() - self._noted_at >= NOTE_SECONDS:
            note_served(self.hosted.revision, timezone.now())
            self._noted_at = time.monotonic()

    def _check_head(self) -> None:
        if time.monotonic() - self._head_checked_at >= HEAD_SECONDS:
            self._head_checked_at = time.monotonic()
            self.outdated = find_hosted(self.hosted) != self.hosted

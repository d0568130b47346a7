"""End jobs that no worker finishes: people stop them, and a timer sweeps them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from portal.accounts.models import User
from portal.jobs.errors import JobHasEnded, JobNotFound
from portal.jobs.models import Job
from portal.jobs.services.running import close
from portal.observability import metrics
from portal.observability.request_ids import bound_to
from portal.queue import enqueue

log = logging.getLogger(__name__)
MAX_ATTEMPTS = 5
LOST = f"The job was lost by its worker {MAX_ATTEMPTS} times, so it was given up."
OVERDUE = "The job took longer than its time limit, so it was stopped."


@transaction.atomic
def cancel_job(*, person: User, job_id: UUID, now: datetime) -> Job:
    """Stop one's own job: at once while it waits, by its worker while it runs.

    Raises JobNotFound, JobHasEnded. Asking twice while it runs changes nothing.
    """
    job: Job | None = (
        Job.objects.of(person).select_for_update(no_key=True).filter(pk=job_id).first()
    )
    if job is None:
        raise JobNotFound
    if not job.is_open:
        raise JobHasEnded(job.state)
    if job.state == Job.State.QUEUED:
        return close(job, Job.State.CANCELLED, "Stopped on request.", now)
    job.cancel_requested = True
    job.save(update_fields=["cancel_requested"])
    return job


@dataclass(frozen=True)
class Swept:
    """The counts of a sweep; ``woken`` counts the repos whose workers were told to look."""

    requeued: int
    failed: int
    expired: int
    woken: int


def sweep(*, now: datetime) -> Swept:
    """Requeue lost jobs, end those past their time limit, and wake the workers of what waits."""
    overdue = Job.objects.overdue_since(now - settings.JOB_TIME_LIMIT)
    expired = _act_on_each(overdue, lambda job: _expire(job, now))
    lapsed = _act_on_each(Job.objects.lapsed_at(now), lambda job: _recover(job, now))
    waiting = Job.objects.filter(state=Job.State.QUEUED).order_by()
    repos = set(waiting.values_list("repo__namespace__name", "repo__name"))
    for namespace, name in repos:
        enqueue("generate.work", repo=f"{namespace}/{name}")
    requeued = lapsed.count(True)
    return Swept(requeued, len(lapsed) - requeued, len(expired), len(repos))


def _act_on_each(jobs: QuerySet[Job], act: Callable[[Job], bool]) -> list[bool]:
    """Act on each job in a transaction of its own, so that one that fails holds up no other."""
    outcomes = []
    for job_id in list(jobs.values_list("pk", flat=True)):
        with transaction.atomic():
            # A locked row is one that its worker is just committing; the next sweep looks again.
            job = jobs.select_for_update(skip_locked=True, no_key=True).filter(pk=job_id).first()
            if job is not None:
                with bound_to(job.http_request_id):
                    outcomes.append(act(job))
    return outcomes


def _expire(job: Job, now: datetime) -> bool:
    close(job, Job.State.EXPIRED, OVERDUE, now)
    return True


def _recover(job: Job, now: datetime) -> bool:
    """Requeue a job that its worker lost, or give it up. Return whether it was requeued."""
    log.warning("Job %s was lost by %s in attempt %s", job.pk, job.worker, job.attempt)
    transaction.on_commit(metrics.lease_losses.inc)
    if job.cancel_requested:
        close(job, Job.State.CANCELLED, "Stopped on request.", now)
        return False
    if job.attempt >= MAX_ATTEMPTS:
        close(job, Job.State.FAILED, LOST, now)
        return False
    job.state, job.lease_until, job.worker = Job.State.QUEUED, None, ""
    job.save(update_fields=["state", "lease_until", "worker"])
    return True

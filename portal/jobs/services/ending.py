"""End jobs that no worker finishes: people stop them, and a timer sweeps them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from portal.accounts.models import User
from portal.jobs.errors import JobHasEnded, JobNotFound
from portal.jobs.models import Job
from portal.jobs.services.one_by_one import act_on_each
from portal.jobs.services.running import close
from portal.jobs.serving.giving_up import give_up_jobs
from portal.jobs.serving.hints import hint_at_work
from portal.jobs.serving.readdressing import readdress_jobs
from portal.observability import metrics

log = logging.getLogger(__name__)
MAX_ATTEMPTS = 5
LOST = f"The job was lost by its worker {MAX_ATTEMPTS} times, so it was given up."
RESTORED = "The site was restored from a backup, which holds no prompts. Send it again."
OVERDUE = "The job took longer than its time limit, so it was stopped."
NEVER_BEGUN = "The job waited for a worker longer than its time limit, so it was given up."


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


def end_restored_jobs(now: datetime) -> int:
    """End the jobs that were open when a backup was made: it holds no prompts to run."""
    return len(act_on_each(Job.objects.open(), lambda job: _end_restored(job, now)))


def _end_restored(job: Job, now: datetime) -> bool:
    close(job, Job.State.CANCELLED, RESTORED, now)
    return True


@dataclass(frozen=True)
class Swept:
    """The counts of a sweep; ``woken`` counts the repos whose workers were told to look."""

    requeued: int
    failed: int
    expired: int
    readdressed: int
    woken: int


def sweep(*, now: datetime) -> Swept:
    """Requeue lost jobs, end those past a time limit, and wake the workers of what waits.

    What waits for a revision that nobody serves is led to another before; what waits for one that
    can't be loaded ends after a while.
    """
    overdue = Job.objects.overdue(
        queued_before=now - settings.JOB_QUEUE_LIMIT, running_before=now - settings.JOB_TIME_LIMIT
    )
    expired = act_on_each(overdue, lambda job: _expire(job, now))
    lapsed = act_on_each(Job.objects.lapsed_at(now), lambda job: _recover(job, now))
    readdressed = readdress_jobs(now)
    given_up = give_up_jobs(now)
    waiting = Job.objects.filter(state=Job.State.QUEUED).order_by()
    repos = set(waiting.values_list("repo__namespace__name", "repo__name"))
    for namespace, name in repos:
        hint_at_work(f"{namespace}/{name}")
    requeued, went_on = lapsed.count(True), readdressed.count(True)
    failed = len(lapsed) - requeued + len(readdressed) - went_on + given_up
    return Swept(requeued, failed, len(expired), went_on, len(repos))


def _expire(job: Job, now: datetime) -> bool:
    reason = OVERDUE if job.state == Job.State.RUNNING else NEVER_BEGUN
    close(job, Job.State.EXPIRED, reason, now)
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
    job.state, job.lease_until, job.worker, job.started_at = Job.State.QUEUED, None, "", None
    job.save(update_fields=["state", "lease_until", "worker", "started_at"])
    return True

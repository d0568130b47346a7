"""Let workers renew the lease of a job, and commit results under a fence.

The fence is the condition that the attempt is the worker's and the state is running: a worker that
lost its lease changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from portal.access.policy.policy import may_call
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import Revision
from portal.jobs.accounting.footprint import Metered, footprint
from portal.jobs.accounting.tariffs import rates_on
from portal.jobs.captures.keeping import drop_files, settle
from portal.jobs.errors import LeaseLost
from portal.jobs.models import Job
from portal.jobs.streaming.event_log import ChoiceEvent, JobEnd, announce_end
from portal.observability import metrics
from portal.queue import enqueue

log = logging.getLogger(__name__)
LOST_ACCESS = "Your access to the model ended."


class LeaseStatus(Enum):
    """An answer to a worker that renews its lease."""

    RENEWED = "renewed"
    CANCELLED = "cancelled"
    ACCESS_ENDED = "access ended"
    LOST = "lost"


def renew_lease(*, job_id: UUID, attempt: int, now: datetime) -> LeaseStatus:
    """Renew the lease, unless the person has cancelled the job or lost access."""
    # The update goes first: its condition is the fence, and what is read after it is this run's.
    rows = _own_run(job_id, attempt)
    if not rows.update(lease_until=now + settings.JOB_LEASE):
        return LeaseStatus.LOST
    job = rows.select_related("person", "token__user", "revision__repo__namespace").first()
    if job is None:
        return LeaseStatus.LOST
    if job.cancel_requested:
        return LeaseStatus.CANCELLED
    return LeaseStatus.RENEWED if may_still(job, job.revision, now) else LeaseStatus.ACCESS_ENDED


def _own_run(job_id: UUID, attempt: int) -> Any:
    return Job.objects.filter(pk=job_id, attempt=attempt, state=Job.State.RUNNING)


def may_still(job: Job, revision: Revision, now: datetime) -> bool:
    """Tell whether whoever made the job may have it answered by this revision."""
    if job.token is not None and not job.token.is_usable(now):
        return False
    return may_call(job.caller, job.action, revision, now).allowed


def cancelled_among(job_ids: Iterable[UUID]) -> set[UUID]:
    """Return the jobs that were cancelled, and those that ended without their worker."""
    ids = set(job_ids)
    undisturbed = Job.objects.filter(pk__in=ids, state=Job.State.RUNNING, cancel_requested=False)
    return ids - set(undisturbed.values_list("pk", flat=True))


@dataclass(frozen=True)
class JobResult:
    """The result of a run, or of the part of it that was done.

    ``metered``: its share of what the worker's meter read; None estimates it from the seconds.
    """

    events: list[ChoiceEvent] = field(default_factory=list, repr=False)
    completion_tokens: int = 0
    engine_seconds: float = 0.0
    first_token_at: datetime | None = None
    metered: Metered | None = None


def finish_job(*, job_id: UUID, attempt: int, result: JobResult, now: datetime) -> Job:
    """Commit a result. Raises LeaseLost, changing nothing."""
    return _end(job_id, attempt, Job.State.SUCCEEDED, result, "", now)


def fail_job(
    *,
    job_id: UUID,
    attempt: int,
    error: str,
    now: datetime,
    result: JobResult | None = None,
    state: Job.State = Job.State.FAILED,
) -> Job:
    """End a run without a full result; ``state`` may be CANCELLED. Raises LeaseLost."""
    return _end(job_id, attempt, state, result or JobResult(), error, now)


@transaction.atomic
def _end(
    job_id: UUID, attempt: int, state: Job.State, result: JobResult, error: str, now: datetime
) -> Job:
    job = _own_run(job_id, attempt).select_for_update(no_key=True).first()
    if job is None:
        raise LeaseLost
    _measure(job, result, now)
    job.keep_result(asdict(event) for event in result.events)
    if state == Job.State.SUCCEEDED:
        settle(job)
    else:
        drop_files(job.capture_files.all())
    return close(job, state, error, now)


def _measure(job: Job, result: JobResult, now: datetime) -> None:
    rates = rates_on(now.date())
    cost = footprint(result.engine_seconds, result.metered, rates)
    job.completion_tokens = result.completion_tokens
    job.first_token_at = result.first_token_at
    job.engine_seconds, job.energy_wh = cost.engine_seconds, cost.energy_wh
    job.energy_source = cost.energy_source if cost.energy_wh else ""
    job.co2_g, job.cost = cost.co2_g, cost.cost
    job.tariff, job.currency = rates.tariff, rates.currency


def close(job: Job, state: Job.State, error: str, now: datetime) -> Job:
    """End a locked job in any state, record it, and tell readers after commit."""
    job.state, job.error, job.ended_at, job.lease_until = state, error, now, None
    job.save()
    if job.batch_id is None:
        _record_end(job, now)
    else:  # the batch has one event for all of its lines, and may go on with the next
        transaction.on_commit(partial(enqueue, "jobs.advance_batch", batch=str(job.batch_id)))
    log.info("Job %s ended: %s, %s tokens", job.pk, state, job.completion_tokens)
    # After the commit: readers that hear of the end look at the row at once.
    transaction.on_commit(lambda: announce_end(job.pk, JobEnd(str(state), error)))
    transaction.on_commit(metrics.jobs_ended.labels(str(state)).inc)
    return job


def _record_end(job: Job, now: datetime) -> None:
    record(
        EventType.JOB_ENDED,
        actor=None,
        target=job,
        at=now,
        state=str(job.state),
        prompt_tokens=job.prompt_tokens,
        completion_tokens=job.completion_tokens,
    )


def release_job(*, job_id: UUID, attempt: int) -> bool:
    """Give a job back to the queue, as a worker does that stops. False when it was not ours."""
    released = {"state": Job.State.QUEUED, "lease_until": None, "worker": "", "started_at": None}
    return bool(_own_run(job_id, attempt).update(**released))

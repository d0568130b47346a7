"""Tell a queued job's place in its model's queue, and estimate how long it will wait.

Headers, streams and pages all ask here. A place is how many claims come before the job's, if nobody
else comes. Who comes later may still go before, so it is where the job stands now.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.formatting import thousands
from portal.jobs.models import Job
from portal.jobs.serving.fair_order import BY_TURN, USED, order_values, rank, with_use
from portal.jobs.serving.presence import NOTE_SECONDS

LONGEST = 2_000
FRESH_SECONDS = 1.0
RECENT_JOBS, RECENT = 50, timedelta(hours=1)
SEEN = timedelta(seconds=3 * NOTE_SECONDS)
AWAITED = gettext_lazy("no worker serves the model at present, and it waits for one")

# What waits for one model, in the order of claims. First each person's jobs get their order, then
# those of each tenant, by what is used when it comes to each. So each kind of job, with a floor or
# without, interactive or not, stands in line. Then claim by claim that kind goes on whose rank is
# first, since each claim changes how far behind a guaranteed share is. The lines are in arrays, in
# which a claim looks up one place each.
ORDER = f"""
WITH RECURSIVE {USED}, job AS (
    SELECT id, coalesce(organization_id, 0) AS organization_id, person_id, priority,
        priority >= %(batch)s AS is_batch, has_floor, created_at, reserved_tokens
    FROM jobs_job WHERE state = 'queued' AND repo_id = %(repo)s
), own AS (
    SELECT job.*, coalesce(organization.weight, 1) AS weight,
        coalesce(of_tenant.tokens, 0) AS tenant_tokens,
        coalesce(of_person.tokens, 0) + sum(reserved_tokens) OVER (
            PARTITION BY job.organization_id, job.person_id, job.is_batch, job.has_floor
            ORDER BY job.priority, job.created_at, job.id
        ) - reserved_tokens AS of_person
    FROM job {with_use("job")}
), shared AS (
    SELECT own.*, (tenant_tokens + sum(reserved_tokens) OVER (
            PARTITION BY organization_id, CASE organization_id WHEN 0 THEN person_id END,
                is_batch, has_floor
            ORDER BY of_person, priority, created_at, id
        ) - reserved_tokens) / weight AS of_tenant
    FROM own
), line AS (
    SELECT shared.*, row_number() OVER (
        PARTITION BY has_floor, is_batch ORDER BY {BY_TURN}, id
    ) AS number
    FROM shared
), kind AS MATERIALIZED (
    SELECT row_number() OVER () AS slot, has_floor, is_batch, count(*) AS size,
        array_agg(id ORDER BY number) AS ids,
        array_agg(reserved_tokens ORDER BY number) AS tokens,
        array_agg(of_tenant ORDER BY number) AS of_tenant,
        array_agg(of_person ORDER BY number) AS of_person,
        array_agg(priority ORDER BY number) AS priority,
        array_agg(created_at ORDER BY number) AS created_at
    FROM line WHERE number <= %(longest)s GROUP BY has_floor, is_batch
), claim AS (
    SELECT 0 AS number, NULL::uuid AS id, array_fill(0, ARRAY[4]) AS taken,
        tokens::float8, of_batches::float8, with_floor::float8
    FROM total
  UNION ALL
    SELECT claim.number + 1, next.id,
        claim.taken[:next.slot - 1] || next.place || claim.taken[next.slot + 1:],
        claim.tokens + next.tokens,
        claim.of_batches + CASE WHEN next.is_batch THEN next.tokens ELSE 0 END,
        claim.with_floor + CASE WHEN next.has_floor THEN next.tokens ELSE 0 END
    FROM claim CROSS JOIN LATERAL (
        SELECT slot::int, is_batch, has_floor, place, ids[place] AS id,
            kind.tokens[place] AS tokens
        FROM kind CROSS JOIN LATERAL (SELECT claim.taken[slot] + 1 AS place) AS head
        WHERE place <= size
        ORDER BY {rank("kind", "claim", is_batch="kind.is_batch")},
            of_tenant[place], of_person[place], priority[place], created_at[place]
        LIMIT 1
    ) next
    WHERE claim.number < %(longest)s
)
SELECT id FROM claim WHERE number > 0 ORDER BY number
"""  # noqa: S608, its parts are constants

# A job's engine seconds are its share of the engine's time, so their mean is the time from one
# job's end to the next while the engine is full. The first two that wait tell whether there is an
# order to ask for: mostly there is none.
PACE = """
SELECT ARRAY(
    SELECT id FROM jobs_job WHERE state = 'queued' AND repo_id = %(repo)s LIMIT 2
), count(*), EXISTS (
    SELECT 1 FROM jobs_servedrevision served
    JOIN catalog_revision revision ON revision.id = served.revision_id
    WHERE revision.repo_id = %(repo)s AND served.last_seen_at > %(seen_since)s
), (
    SELECT avg(engine_seconds) FROM (
        SELECT engine_seconds FROM jobs_job
        WHERE ended_at > %(since)s AND repo_id = %(repo)s AND state = 'succeeded'
        ORDER BY ended_at DESC LIMIT %(recent_jobs)s
    ) AS ended
)
FROM jobs_job WHERE state = 'running' AND repo_id = %(repo)s
"""


@dataclass(frozen=True)
class QueuePlace:
    """The place of a queued job: how many go before it, and about how long that takes.

    ``wait_seconds`` is None where nothing is known to estimate it from: no worker is there, or none
    has ended a job of late. ``is_served``: a worker was there some seconds ago.
    """

    ahead: int
    wait_seconds: int | None
    is_served: bool = True

    @property
    def position(self) -> int:
        """Return the place as people count: the next is the first."""
        return self.ahead + 1

    @property
    def in_words(self) -> str:
        place = _("next in line")
        if self.ahead:
            place = _("%(count)s ahead of you") % {"count": thousands(self.ahead)}
        if not self.is_served:
            return f"{place}; {AWAITED}"
        if not self.wait_seconds:
            return place
        return _("%(place)s, about %(time)s") % {"place": place, "time": _about(self.wait_seconds)}

    @property
    def headers(self) -> dict[str, str]:
        """Return the response headers that tell the place to a program."""
        headers = {"X-Weightgate-Queue-Position": str(self.position)}
        if self.wait_seconds is not None:
            headers["X-Weightgate-Queue-Wait-Seconds"] = str(self.wait_seconds)
        return headers


def _about(seconds: int) -> str:
    if seconds < 90:
        return f"{seconds} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{round(seconds / 3600)} h"


@dataclass(frozen=True)
class Queue:
    """The order of one model's queued jobs at one moment, and the pace at which they go."""

    ahead: dict[UUID, int]
    running: int
    is_served: bool
    seconds_per_job: float | None
    read_at: float = field(default_factory=time.monotonic)

    def place_of(self, job_id: UUID) -> QueuePlace | None:
        """Return a job's place; None where it isn't queued, or is too far back to be counted."""
        ahead = self.ahead.get(job_id)
        if ahead is None:
            return None
        return QueuePlace(ahead, self._wait_seconds(ahead), self.is_served)

    def _wait_seconds(self, ahead: int) -> int | None:
        """Estimate the time until so many jobs were taken up, and this one after them."""
        if self.seconds_per_job is None or not self.is_served:
            return None
        free_places = max(settings.ENGINE_MAX_NUM_SEQS - self.running, 0)
        return round(max(ahead + 1 - free_places, 0) * self.seconds_per_job)


_queues: dict[int, Queue] = {}
_reading = threading.Lock()


def queue_of(repo_id: int, now: datetime) -> Queue:
    """Return the queue of a model as it was within the last second.

    All who wait for one model in one process share an answer, so that they cost two queries a
    second, however many they are.
    """
    with _reading:
        queue = _queues.get(repo_id)
        if queue is None or time.monotonic() - queue.read_at >= FRESH_SECONDS:
            queue = _queues[repo_id] = read_queue(repo_id, now)
        return queue


def read_queue(repo_id: int, now: datetime) -> Queue:
    """Read the queue of a model as it is now. It asks nothing of Redis, which may be frozen."""
    values: dict[str, Any] = {
        **order_values(repo_id, now),
        "longest": LONGEST,
        "recent_jobs": RECENT_JOBS,
        "since": now - RECENT,
        "seen_since": now - SEEN,
    }
    with connection.cursor() as cursor:
        cursor.execute(PACE, values)
        waiting, *pace = cursor.fetchone()
        if len(waiting) > 1:
            cursor.execute(ORDER, values)
            waiting = [job_id for (job_id,) in cursor.fetchall()]
    return Queue({job_id: number for number, job_id in enumerate(waiting)}, *pace)


def place_when_made(job: Job, now: datetime) -> QueuePlace | None:
    """Return the place that a job has just got; None where it is too far back to be counted."""
    return read_queue(job.repo_id, now).place_of(job.pk)


@dataclass(frozen=True)
class JobProgress:
    """The state of an open job, with its place while it is queued."""

    state: str
    place: QueuePlace | None = None

    @property
    def waits(self) -> bool:
        return self.state == Job.State.QUEUED

    @property
    def in_words(self) -> str:
        """Say in a few words what becomes of the job at present."""
        if not self.waits:
            return _("being written")
        if self.place is None:
            return _("queued")
        return _("queued, %(place)s") % {"place": self.place.in_words}


def progress_now(job: Job, now: datetime) -> JobProgress | None:
    """Return how a job stands; None once it has ended."""
    if job.state == Job.State.QUEUED:
        return JobProgress(job.state, queue_of(job.repo_id, now).place_of(job.pk))
    return JobProgress(job.state) if job.is_open else None


def progress_of(job_id: UUID) -> JobProgress | None:
    """Return how the job of this id stands by now; None once it has ended."""
    job = Job.objects.only("state", "repo_id").filter(pk=job_id).first()
    return progress_now(job, timezone.now()) if job else None

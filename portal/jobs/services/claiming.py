"""Let workers claim jobs under a lease, in the order of a fair queue."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection

from portal.jobs.models import Job
from portal.jobs.serving.fair_order import BY_TURN, USED, order_values, rank, with_use


class Lane(NamedTuple):
    """One person's jobs that wait one behind another."""

    organization_id: int | None
    person_id: int
    priority: int
    has_floor: bool

    @classmethod
    def of(cls, job: Job) -> Lane:
        return cls(job.organization_id, job.person_id, job.priority, job.has_floor)


# The lanes are read from the index by skipping from each to the next, so that a thousand jobs of
# one person cost no more than one.
#
# SKIP LOCKED lets workers claim at once without waiting for one another; the second look at the
# state keeps a row that was claimed between the two from being claimed again. The last join has no
# ORDER BY of its own: it takes the lanes in their order and stops, and so locks, at the first job.
CLAIM = f"""
WITH RECURSIVE lane AS (
    (SELECT person_id, priority, has_floor, coalesce(organization_id, 0) AS organization_id,
        created_at
    FROM jobs_job WHERE state = 'queued' AND revision_id = %(revision)s
    ORDER BY 1, 2, 3, 4, 5 LIMIT 1)
  UNION ALL
    SELECT following.* FROM lane CROSS JOIN LATERAL (
        SELECT person_id, priority, has_floor, coalesce(organization_id, 0), created_at
        FROM jobs_job WHERE state = 'queued' AND revision_id = %(revision)s
            AND (person_id, priority, has_floor, coalesce(organization_id, 0))
                > (lane.person_id, lane.priority, lane.has_floor, lane.organization_id)
        ORDER BY 1, 2, 3, 4, 5 LIMIT 1
    ) following
), {USED}, ranked AS (
    SELECT lane.*, {rank("lane", "total", is_batch="(lane.priority >= %(batch)s)")} AS rank,
        coalesce(of_tenant.tokens, 0) / coalesce(organization.weight, 1) AS of_tenant,
        coalesce(of_person.tokens, 0) AS of_person
    FROM lane CROSS JOIN total {with_use("lane")}
    WHERE (lane.organization_id, lane.person_id, lane.priority, lane.has_floor) NOT IN (
        SELECT * FROM unnest(%(organizations)s::bigint[], %(people)s::bigint[],
            %(priorities)s::smallint[], %(floors)s::boolean[])
    )
    ORDER BY rank, {BY_TURN}
), next AS (
    SELECT job.id FROM ranked CROSS JOIN LATERAL (
        SELECT id FROM jobs_job WHERE state = 'queued' AND revision_id = %(revision)s
            AND person_id = ranked.person_id AND priority = ranked.priority
            AND has_floor = ranked.has_floor
            AND coalesce(organization_id, 0) = ranked.organization_id
        ORDER BY created_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
    ) job LIMIT 1
)
UPDATE jobs_job SET state = 'running', attempt = attempt + 1, worker = %(worker)s,
    lease_until = %(lease_until)s, started_at = coalesce(started_at, %(now)s)
FROM next WHERE jobs_job.id = next.id AND state = 'queued' RETURNING jobs_job.id
"""  # noqa: S608, its parts are constants


def claim_next_job(
    *,
    worker: str,
    repo_id: int,
    revision_id: int,
    now: datetime,
    passing_over: Collection[Lane] = (),
) -> Job | None:
    """Claim the fairest queued row for this worker; None where nothing waits.

    First come jobs whose guaranteed share is behind, then interactive ones, then batches; among
    them the tenants that used the fewest tokens lately for their weight, and of each the people who
    did. Of running jobs, all that is reserved counts. ``passing_over`` are lanes of which the
    worker has enough jobs.
    """
    values = claim_values(
        worker=worker,
        repo_id=repo_id,
        revision_id=revision_id,
        now=now,
        passing_over=passing_over,
    )
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        row = cursor.fetchone()
    return Job.objects.select_related("organization").get(pk=row[0]) if row else None


def claim_values(
    *,
    worker: str,
    repo_id: int,
    revision_id: int,
    now: datetime,
    passing_over: Collection[Lane] = (),
) -> dict[str, Any]:
    """Return the parameters of ``CLAIM``."""
    lanes = list(passing_over)
    return {
        **order_values(repo_id, now),
        "revision": revision_id,
        "organizations": [lane.organization_id or 0 for lane in lanes],
        "people": [lane.person_id for lane in lanes],
        "priorities": [lane.priority for lane in lanes],
        "floors": [lane.has_floor for lane in lanes],
        "worker": worker[:120],
        "lease_until": now + settings.JOB_LEASE,
    }

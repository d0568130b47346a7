"""The order in which queued jobs take turns, as parts of SQL.

Claims take the first job in this order, and places are told by it, so that both agree. The parts
that are functions take names of tables; their values are those of ``order_values``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from portal.jobs.models import BATCH

HALF_LIFE = timedelta(minutes=5)  # of the tokens that somebody used, as far as they still count
RECENT = 3 * HALF_LIFE

# The tokens used lately, by those who used them; of running jobs, all that is reserved counts.
USED = """
used AS (
    SELECT coalesce(organization_id, 0) AS organization_id, person_id,
        priority >= %(batch)s AS is_batch, has_floor, sum(CASE WHEN state = 'running'
            THEN reserved_tokens
            ELSE (prompt_tokens + completion_tokens)
                * 0.5 ^ (extract(epoch FROM %(now)s - ended_at) / %(half_life)s)
        END) AS tokens
    FROM jobs_job WHERE repo_id = %(repo)s AND (state = 'running' OR ended_at > %(recent)s)
    GROUP BY 1, 2, 3, 4
), used_by_tenant AS (
    SELECT organization_id, CASE organization_id WHEN 0 THEN person_id END AS person_id,
        is_batch, has_floor, sum(tokens) AS tokens
    FROM used GROUP BY 1, 2, 3, 4
), total AS (
    SELECT coalesce(sum(tokens), 0) AS tokens,
        coalesce(sum(tokens) FILTER (WHERE is_batch), 0) AS of_batches,
        coalesce(sum(tokens) FILTER (WHERE has_floor), 0) AS with_floor
    FROM used
)
"""


def with_use(lane: str) -> str:
    """Join what a lane's tenant and person have used, as ``of_tenant`` and ``of_person``."""
    return f"""
    LEFT JOIN accounts_organization organization ON organization.id = {lane}.organization_id
    LEFT JOIN used of_person ON of_person.organization_id = {lane}.organization_id
        AND of_person.person_id = {lane}.person_id
        AND of_person.is_batch = ({lane}.priority >= %(batch)s)
        AND of_person.has_floor = {lane}.has_floor
    LEFT JOIN used_by_tenant of_tenant ON of_tenant.organization_id = {lane}.organization_id
        AND ({lane}.organization_id <> 0 OR of_tenant.person_id = {lane}.person_id)
        AND of_tenant.is_batch = ({lane}.priority >= %(batch)s)
        AND of_tenant.has_floor = {lane}.has_floor
    """


def rank(lane: str, total: str, *, is_batch: str) -> str:
    """Rank a lane: 0 where a guaranteed share is behind, 1 interactive ones, 2 batches."""
    return f"""
        CASE WHEN {lane}.has_floor
                AND 100 * {total}.with_floor < %(floor_percent)s * {total}.tokens THEN 0
            WHEN NOT {is_batch} THEN 1
            WHEN 100 * {total}.of_batches < %(batch_percent)s * {total}.tokens THEN 0
            ELSE 2 END
    """


# Of equal rank go first who used the fewest tokens for their weight, of them the people who did.
BY_TURN = "of_tenant, of_person, priority, created_at"


def order_values(repo_id: int, now: datetime) -> dict[str, Any]:
    """Return the values that these parts need."""
    return {
        "repo": repo_id,
        "now": now,
        "recent": now - RECENT,
        "half_life": HALF_LIFE.total_seconds(),
        "batch": BATCH,
        "batch_percent": settings.BATCH_PERCENT,
        "floor_percent": settings.FLOOR_PERCENT,
    }

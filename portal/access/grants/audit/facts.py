"""Facts of a grant or a membership that events record, for ``grant_check`` to derive them anew."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from portal.access.models import Grant, Membership, Screening
from portal.audit.events import EventType


def facts_of(grant: Grant) -> dict[str, Any]:
    """Return everything that decides what a grant allows, as plain JSON."""
    return {
        **_facts_of_collection(grant),
        "person": grant.person_id,
        "repo": grant.repo_id,
        "modes": sorted(grant.modes),
        "conditions": grant.conditions,
        "quotas": grant.quotas,
        "parent": grant.parent_id,
        "acceptance": grant.acceptance_id,
        "licence_sha256": grant.acceptance.text_sha256 if grant.acceptance else None,
        "offer_expires_at": stamp(grant.offer_expires_at),
        "starts_at": stamp(grant.starts_at),
        "expires_at": stamp(grant.expires_at),
    }


def _facts_of_collection(grant: Grant) -> dict[str, Any]:
    if grant.collection_id is None:
        return {}
    return {"collection": grant.collection_id, **facts_of_coverage(grant)}


def facts_of_coverage(grant: Grant) -> dict[str, Any]:
    """Return the models that a grant through a collection covers, each with its own terms.

    Whoever asks for many grants prefetches their ``coverage``.
    """
    standing = [row for row in grant.coverage.all() if row.ended_at is None]
    return {
        "covers": {
            str(row.repo_id): {"modes": sorted(row.modes), "conditions": row.conditions}
            for row in sorted(standing, key=lambda row: row.repo_id)
        }
    }


def facts_of_member(membership: Membership) -> dict[str, Any]:
    return {
        "grant": membership.grant_id,
        "person": membership.person_id,
        "acceptance": membership.acceptance_id,
        "joined_at": stamp(membership.joined_at),
    }


def told_of_start(
    grant: Grant, screening: Screening, begun: EventType
) -> tuple[EventType, dict[str, Any]]:
    """Return the event that a grant has begun, or is held for a check, with its data."""
    event = EventType.GRANT_HELD if grant.is_held else begun
    return event, {**facts_of(grant), **facts_of_screening(screening)}


def told_of_joining(
    membership: Membership, screening: Screening
) -> tuple[EventType, dict[str, Any]]:
    """Return the event that somebody has joined, or is held for a check, with its data."""
    event = EventType.MEMBER_HELD if membership.is_held else EventType.MEMBER_JOINED
    return event, {**facts_of_member(membership), **facts_of_screening(screening)}


def facts_of_screening(screening: Screening) -> dict[str, str]:
    """Return the screening's outcome and the version of its lists; never a line of them."""
    return {"screening": str(screening.outcome), "list_version": screening.list_version}


def stamp(moment: datetime | None) -> str | None:
    """Write a time as events spell it: in UTC, to the microsecond."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds") if moment else None

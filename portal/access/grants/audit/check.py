"""Derive each active grant and member from the audit record alone, and compare with the tables.

Access that the record doesn't give, or gives otherwise, is a difference. Ended grants aren't looked
at, since nobody gains by them. ``verify_audit`` verifies that the record itself is unbroken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from portal.access.grants.audit.facts import facts_of, facts_of_member, stamp
from portal.access.models import Grant, Membership
from portal.audit.events import EventType
from portal.audit.models import AuditEvent

GIVES = (EventType.GRANT_MADE, EventType.GRANT_ACTIVATED, EventType.GRANT_RENEWED)
ENDS = (EventType.GRANT_REVOKED, EventType.GRANT_CLOSED, EventType.GRANT_OFFER_DECLINED)
CHECKS = (EventType.GRANT_HELD, EventType.GRANT_CLEARED)
COVERS = (EventType.GRANT_EXTENDED, EventType.GRANT_COVERAGE_ENDED)
QUOTAS = (*GIVES, EventType.GRANT_QUOTAS_CHANGED)
NOTICES = (EventType.GRANT_NOTICE_GIVEN, EventType.GRANT_NOTICE_WITHDRAWN)
BATCH = 500


@dataclass(frozen=True)
class Difference:
    """A row that the record disagrees with. ``what``: ``grant`` or ``member``."""

    what: str
    key: int
    reason: str


@dataclass(frozen=True)
class GrantCheck:
    """The numbers of grants and members that were compared, and what differed."""

    grants: int
    members: int
    differences: list[Difference]


def check_grants(now: datetime) -> GrantCheck:
    """Compare every active grant, and every member who has joined one."""
    active = Grant.objects.active_at(now).select_related("acceptance").order_by("pk")
    active = active.prefetch_related("coverage")
    joined = Membership.objects.joined().filter(grant__in=Grant.objects.active_at(now))
    differences: list[Difference] = []
    grants = members = 0
    for batch in _batches(active):
        grants += len(batch)
        differences += _compare_grants(batch)
    for batch in _batches(joined.order_by("pk")):
        members += len(batch)
        differences += _compare_members(batch)
    return GrantCheck(grants, members, differences)


def _batches(rows: Any) -> Iterator[list[Any]]:
    """Read rows by the batch, so that neither they nor their events fill the memory."""
    remaining = rows.iterator(chunk_size=BATCH)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _events(label: str, keys: Iterable[int]) -> dict[str, list[AuditEvent]]:
    """Return the events on these rows, by row, in the order in which they were recorded."""
    events = AuditEvent.objects.filter(target_type=label, target_id__in=[str(key) for key in keys])
    by_target: dict[str, list[AuditEvent]] = {}
    for event in events.order_by("sequence"):
        by_target.setdefault(event.target_id, []).append(event)
    return by_target


def _compare_grants(grants: list[Grant]) -> Iterator[Difference]:
    events = _events("access.grant", (grant.pk for grant in grants))
    for grant in grants:
        for reason in _differences(grant, events.get(str(grant.pk), [])):
            yield Difference("grant", grant.pk, reason)


def _differences(grant: Grant, events: list[AuditEvent]) -> Iterator[str]:
    gifts = [event for event in events if event.type in GIVES]
    if not gifts:
        yield "is active, and the record gives it to nobody"
        return
    checked = next((event for event in reversed(events) if event.type in CHECKS), None)
    if checked is not None and checked.type == EventType.GRANT_HELD:
        yield f"is active, and event {checked.sequence} holds it for a check"
    if ended := next((event for event in events if event.type in ENDS), None):
        yield f"is active, and event {ended.sequence} ({ended.type}) ended it"
    notice = next((event for event in reversed(events) if event.type in NOTICES), None)
    day = notice.data.get("ends_by_notice_at") if notice else None
    in_row = {"ends_by_notice_at": stamp(grant.ends_by_notice_at)}
    yield from _unequal({"ends_by_notice_at": day}, in_row)
    changes = [event.data for event in events if event.type in (*GIVES, *COVERS)]
    covers = {"covers": changes[-1]["covers"]} if "covers" in changes[-1] else {}
    # Events from before there were quotas name none.
    quotas = [event.data.get("quotas", {}) for event in events if event.type in QUOTAS][-1]
    yield from _unequal({**gifts[-1].data, "quotas": quotas, **covers}, facts_of(grant))


def _compare_members(memberships: list[Membership]) -> Iterator[Difference]:
    events = _events("access.membership", (membership.pk for membership in memberships))
    for membership in memberships:
        for reason in _member_differences(membership, events.get(str(membership.pk), [])):
            yield Difference("member", membership.pk, reason)


def _member_differences(membership: Membership, events: list[AuditEvent]) -> Iterator[str]:
    joined = [event for event in events if event.type == EventType.MEMBER_JOINED]
    if not joined:
        yield "has joined, and the record knows of no signature"
        return
    if ended := next((event for event in events if event.type == EventType.MEMBER_ENDED), None):
        yield f"is a member, and event {ended.sequence} ended that"
    yield from _unequal(joined[-1].data, facts_of_member(membership))


def _unequal(recorded: dict[str, Any], in_row: dict[str, Any]) -> Iterator[str]:
    """Yield each fact of a row that the record lacks or says otherwise."""
    for name, value in in_row.items():
        if name not in recorded:
            yield f"{name} is {value!r}, and the record doesn’t say"
        elif recorded[name] != value:
            yield f"{name} is {value!r}, and the record says {recorded[name]!r}"

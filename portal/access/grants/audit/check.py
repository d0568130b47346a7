"""Each active grant and member, derived anew from the record alone, and compared with its row.

A right that the record doesn't give, or gives otherwise, is a difference. What has ended is not
looked at: nobody gains by it. The chain itself is verified by ``verify_audit``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.access.grants.audit.facts import facts_of, facts_of_member, stamp
from portal.access.models import Grant, Membership
from portal.audit.events import EventType
from portal.audit.models import AuditEvent

GIVES = (EventType.GRANT_MADE, EventType.GRANT_ACTIVATED, EventType.GRANT_RENEWED)
ENDS = (EventType.GRANT_REVOKED, EventType.GRANT_CLOSED, EventType.GRANT_OFFER_DECLINED)
CHECKS = (EventType.GRANT_HELD, EventType.GRANT_CLEARED)
NOTICES = (EventType.GRANT_NOTICE_GIVEN, EventType.GRANT_NOTICE_WITHDRAWN)
BATCH = 500


@dataclass(frozen=True)
class Difference:
    """``what`` is ``grant`` or ``member``; ``reason`` says it in words."""

    what: str
    key: int
    reason: str


@dataclass(frozen=True)
class GrantCheck:
    grants: int
    members: int
    differences: list[Difference]


def check_grants(now: datetime) -> GrantCheck:
    """Every active grant, and every member who joined one."""
    active = Grant.objects.active_at(now).select_related("acceptance").order_by("pk")
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
    batch: list[Any] = []
    for row in rows.iterator(chunk_size=BATCH):
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _events(label: str, keys: Iterable[int]) -> dict[str, list[AuditEvent]]:
    """By target, in the order in which they were recorded."""
    found = AuditEvent.objects.filter(target_type=label, target_id__in=[str(key) for key in keys])
    by_target: dict[str, list[AuditEvent]] = {}
    for event in found.order_by("sequence"):
        by_target.setdefault(event.target_id, []).append(event)
    return by_target


def _compare_grants(grants: list[Grant]) -> Iterator[Difference]:
    events = _events("access.grant", (grant.pk for grant in grants))
    for grant in grants:
        for reason in _differences(grant, events.get(str(grant.pk), [])):
            yield Difference("grant", grant.pk, reason)


def _differences(grant: Grant, events: list[AuditEvent]) -> Iterator[str]:
    given = [event for event in events if event.type in GIVES]
    if not given:
        yield "is active, and the record gives it to nobody"
        return
    checked = next((each for each in reversed(events) if each.type in CHECKS), None)
    if checked is not None and checked.type == EventType.GRANT_HELD:
        yield f"is active, and event {checked.sequence} holds it for a check"
    if ended := next((event for event in events if event.type in ENDS), None):
        yield f"is active, and event {ended.sequence} ({ended.type}) ended it"
    notice = next((each for each in reversed(events) if each.type in NOTICES), None)
    told = notice.data.get("ends_by_notice_at") if notice else None
    yield from _unequal({"ends_by_notice_at": told}, _noticed(grant))
    yield from _unequal(given[-1].data, facts_of(grant))


def _noticed(grant: Grant) -> dict[str, Any]:
    return {"ends_by_notice_at": stamp(grant.ends_by_notice_at)}


def _compare_members(memberships: list[Membership]) -> Iterator[Difference]:
    events = _events("access.membership", (each.pk for each in memberships))
    for membership in memberships:
        for reason in _member_differences(membership, events.get(str(membership.pk), [])):
            yield Difference("member", membership.pk, reason)


def _member_differences(membership: Membership, events: list[AuditEvent]) -> Iterator[str]:
    joined = [event for event in events if event.type == EventType.MEMBER_JOINED]
    if not joined:
        yield "has joined, and the record knows of no signature"
        return
    if ended := next((each for each in events if each.type == EventType.MEMBER_ENDED), None):
        yield f"is a member, and event {ended.sequence} ended that"
    yield from _unequal(joined[-1].data, facts_of_member(membership))


def _unequal(recorded: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    """Each fact that the row and the record don't agree on; one that isn't recorded is one."""
    for name, value in found.items():
        if name not in recorded:
            yield f"{name} is {value!r}, and the record doesn’t say"
        elif recorded[name] != value:
            yield f"{name} is {value!r}, and the record says {recorded[name]!r}"

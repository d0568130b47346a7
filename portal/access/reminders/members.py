"""Memberships that end because nothing proves any more that the member is of the organization."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from portal.access.grants.audit.facts import facts_of_member
from portal.access.grants.members.membership import end_membership
from portal.access.models import Grant, Membership
from portal.access.reminders.locks import lock_membership
from portal.access.reminders.timer import Timer
from portal.accounts.models import Affiliation
from portal.audit.events import EventType
from portal.audit.services import record


def members_unproved(now: datetime) -> QuerySet[Any]:
    """Select members who signed as one of an organization and aren't proved to be of it now."""
    proofs = Affiliation.objects.standing_at(now).filter(
        person=OuterRef("person"), organization=OuterRef("organization")
    )
    standing = Membership.objects.standing().filter(
        person__isnull=False, organization__isnull=False, grant__in=Grant.objects.active_at(now)
    )
    return standing.filter(~Exists(proofs))


def end_unproved_member(membership: Membership, now: datetime) -> None:
    reason = f"Nothing proves any more that they are of {membership.organization}."
    end_membership(membership, actor=None, reason=reason, now=now)
    facts = facts_of_member(membership)
    record(EventType.MEMBER_ENDED, actor=None, target=membership, at=now, **facts)


TIMERS = (Timer("member_unproved", members_unproved, end_unproved_member, lock_membership),)

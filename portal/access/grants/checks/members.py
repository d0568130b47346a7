"""Clear members whom the screening lists held back."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.access.errors import GrantIsOver, MembershipNotFound
from portal.access.grants.checks.clearing import require_no_part, settle
from portal.access.lifecycle import is_over
from portal.access.models import Membership
from portal.access.policy.permissions import Action
from portal.access.policy.policy import may
from portal.accounts.models import User
from portal.errors import Conflict

RELATED = ("grant__repo__namespace", "grant__person", "person")


def held_membership(actor: User, membership_id: int, now: datetime) -> Membership:
    """Return a membership to somebody who administers the model; else raise MembershipNotFound."""
    memberships = Membership.objects.select_related(*RELATED)
    membership: Membership | None = memberships.filter(pk=membership_id).first()
    if membership is None or not may(actor, Action.ADMINISTER, membership.grant.repo, now).allowed:
        raise MembershipNotFound
    return membership


@transaction.atomic
def clear_member(*, actor: User, membership_id: int, text: str, now: datetime) -> Membership:
    """Clear a member who is held for a check, so that they join. Again changes nothing."""
    membership = held_membership(actor, membership_id, now)
    person = membership.person or membership.grant.person
    require_no_part(actor, person, membership.grant)
    if membership.joined_at is not None and membership.ended_at is None and not membership.is_held:
        return membership
    _require_waiting(membership, now)
    settle(person, membership.grant.repo, actor=actor, text=text, now=now)
    membership.refresh_from_db()
    return membership


def _require_waiting(membership: Membership, now: datetime) -> None:
    if not membership.is_held:
        raise Conflict("This membership isn’t held for a check. Nothing was changed.")
    if is_over(membership.grant, now):
        raise GrantIsOver("The grant has ended, so nobody can join it any more.")

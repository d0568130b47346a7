"""Members held against the screening lists, and their end with the proof that they stand on."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction

from portal.access import due
from portal.access import screening as lists
from portal.access.errors import ConflictOfInterest, GrantIsOver, MembershipNotFound
from portal.access.facts import facts_of_member
from portal.access.letters import member_checks
from portal.access.models import Membership, Screening
from portal.access.people import administrators
from portal.access.policy import may
from portal.access.services.held import is_over, lock_grant
from portal.access.services.members import end_membership, let_in
from portal.access.services.screening import unanswered_here
from portal.access.services.screening_run import screen
from portal.access.verdicts import Action
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import Conflict, FieldErrors

log = logging.getLogger(__name__)
Outcome = Screening.Outcome


def screen_member(membership: Membership, now: datetime) -> Screening:
    """Held against the lists of this moment, as a snapshot is."""
    screening, _ = screen(
        _person(membership), lambda entries: lists.hits_of_member(membership, entries, now), now
    )
    screening.membership = membership
    screening.save()
    return screening


def _person(membership: Membership) -> User:
    assert membership.person is not None  # noqa: S101 (who signed is somebody)
    return membership.person


def held_membership(actor: User, membership_id: int, now: datetime) -> Membership:
    """A membership with its grant's names, for who administers the model."""
    related = ("grant__repo__namespace", "grant__person", "person")
    found: Membership | None = (
        Membership.objects.select_related(*related).filter(pk=membership_id).first()
    )
    if found is None or not may(actor, Action.ADMINISTER, found.grant.repo, now).allowed:
        raise MembershipNotFound
    return found


@transaction.atomic
def clear_member(*, actor: User, membership_id: int, text: str, now: datetime) -> Membership:
    """A human's word on a member whom the lists held back: they join. Again changes nothing.

    What can't be cleared is ended, as any membership is: that is ``services.members``'.
    """
    found = held_membership(actor, membership_id, now)
    grant = lock_grant(found.grant_id)
    membership = Membership.objects.select_for_update().select_related(None).get(pk=found.pk)
    if grant is None:
        raise MembershipNotFound
    membership.grant = grant
    if actor.pk in (membership.person_id, grant.person_id):
        raise ConflictOfInterest("You are of this grant yourself.")
    if membership.joined_at is not None and membership.ended_at is None:
        return membership
    _require_waiting(membership, now)
    if not text.strip():
        raise FieldErrors({"text": "Say what you looked at, and why it is clear."})
    unanswered = unanswered_here(_person(membership), grant.repo)
    versions = sorted(set(unanswered.values_list("list_version", flat=True)))
    unanswered.update(disposed_by=actor, disposed_at=now, disposition=text.strip())
    let_in(membership, now)
    facts = facts_of_member(membership)
    record(EventType.MEMBER_CLEARED, actor=actor, target=membership, at=now, list_versions=versions)
    record(EventType.MEMBER_JOINED, actor=actor, target=membership, at=now, **facts)
    return membership


def _require_waiting(membership: Membership, now: datetime) -> None:
    if not membership.is_held:
        raise Conflict("This membership isn’t held for a check. Nothing was changed.")
    if is_over(membership.grant, now):
        raise GrantIsOver("The grant has ended, so nobody can join it any more.")


@transaction.atomic
def end_unproved_member(*, membership_id: int, now: datetime) -> bool:
    """The clock's: nothing proves any more that the member is of the organization."""
    found = due.members_unproved(now).filter(pk=membership_id).first()
    grant = lock_grant(found.grant_id) if found else None
    locked = due.members_unproved(now).select_for_update(of=("self",)).filter(pk=membership_id)
    membership = locked.select_related("person", "organization").first()
    if membership is None or grant is None:
        return False
    membership.grant = grant
    reason = f"Nothing proves any more that they are of {membership.organization}."
    end_membership(membership, actor=None, reason=reason, now=now)
    record(
        EventType.MEMBER_ENDED,
        actor=None,
        target=membership,
        at=now,
        **facts_of_member(membership),
    )
    return True


@transaction.atomic
def remind_of_member_check(*, membership_id: int, now: datetime) -> bool:
    """The clock's: somebody has waited a week for a human's word."""
    locked = due.member_checks_late(now).select_for_update(of=("self",), skip_locked=True)
    related = ("grant__repo__namespace", "grant__person", "person")
    membership = locked.select_related(*related).filter(pk=membership_id).first()
    if membership is None:
        return False
    people = administrators(membership.grant.repo)
    member_checks.tell_team(membership, people, is_late=True, now=now)
    record(EventType.REMINDED, actor=None, target=membership, at=now, of="member_check")
    return True

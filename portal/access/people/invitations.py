"""Invite people to a role: whoever has an account gets it at once, anybody else a letter."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from portal.access.gate.settings import seat_member
from portal.access.letters.people import (
    invitation_key,
    send_invitation_letter,
    send_role_given,
)
from portal.access.models import Invitation
from portal.access.people.addresses import invitable_address
from portal.access.people.guests import add_guest, lock_for_guests, require_fit_guest
from portal.access.people.operators import let_operate
from portal.access.people.recording import record_invitation
from portal.access.people.roles import lock_lab, require_role, seat_in_lab
from portal.access.policy.administering import lock_administered_repo
from portal.accounts.affiliations import find_person
from portal.accounts.models import User
from portal.accounts.services import require_may_make_operators
from portal.accounts.tokens.secrets import secret_hash
from portal.audit.events import EventType
from portal.catalog.models import TeamMember
from portal.errors import FieldErrors
from portal.outbox.services import cancel_mail

TERM = timedelta(days=14)
Role = Invitation.Role


@dataclass(frozen=True)
class Invited:
    """The outcome of inviting: a person who has the role at once, or an invitation by mail.

    ``is_new`` is False where the person had the role already, so that nothing changed.
    """

    user: User | None = None
    invitation: Invitation | None = None
    is_new: bool = True

    @property
    def words(self) -> str:
        """Say what happened, for whoever invited."""
        if self.user is not None and not self.is_new:
            return f"{self.user.display_name} has the role already. Nothing changed."
        if self.user is not None:
            return f"{self.user.display_name} has the role now, and a letter that says so."
        email = self.invitation.email if self.invitation else ""
        return f"An invitation is on its way to {email}. It can be accepted for {TERM.days} days."


@transaction.atomic
def invite_to_lab(
    *, actor: User, namespace_id: int, person: str, role: str, now: datetime
) -> Invited:
    """Give a person of this username or address a role in a lab, or invite the address by mail."""
    lab, chosen = lock_lab(actor, namespace_id), require_role(role)
    user = find_person(person)
    if user is None:
        return Invited(invitation=_invite(actor, person, chosen, now, namespace=lab))
    is_new = seat_in_lab(actor=actor, lab=lab, user=user, role=chosen, now=now)
    _withdraw_letters(actor, user, chosen, now, namespace=lab)
    return Invited(user, is_new=is_new)


@transaction.atomic
def invite_to_team(*, actor: User, repo_id: int, person: str, role: str, now: datetime) -> Invited:
    """Seat a person of this username or address on a repo's team, or invite the address by mail."""
    repo = lock_administered_repo(actor, repo_id)
    user = find_person(person)
    if user is None and role not in TeamMember.Role.values:
        raise FieldErrors({"role": "Choose reviewer or administrator."})
    if user is None:
        return Invited(invitation=_invite(actor, person, role, now, repo=repo))
    is_new = not TeamMember.objects.filter(repo=repo, user=user, role=role).exists()
    seat = seat_member(actor=actor, repo_id=repo_id, person=person, role=role, now=now)
    if is_new and user != actor:
        send_role_given(user, repo, seat.get_role_display(), now)
    _withdraw_letters(actor, user, role, now, repo=repo)
    return Invited(user, is_new=is_new)


@transaction.atomic
def invite_guest(*, actor: User, request_id: int, person: str, now: datetime) -> Invited:
    """Let a person outside the team read one request and vote on it, or invite them by mail.

    Raise FieldErrors for somebody of the team, the applicant, or a conflict of interest.
    """
    access_request = lock_for_guests(actor, request_id, now)
    user = find_person(person)
    if user is None:
        return Invited(invitation=_invite(actor, person, Role.GUEST, now, request=access_request))
    require_fit_guest(user, access_request, now, field="person")
    is_new = add_guest(actor=actor, access_request=access_request, user=user, now=now)
    _withdraw_letters(actor, user, Role.GUEST, now, request=access_request)
    return Invited(user, is_new=is_new)


@transaction.atomic
def invite_operator(*, actor: User, person: str, now: datetime) -> Invited:
    """Make a person of this username or address an operator, or invite the address by mail."""
    require_may_make_operators(actor)
    user = find_person(person)
    if user is None:
        return Invited(invitation=_invite(actor, person, Role.OPERATOR, now))
    is_new = let_operate(actor=actor, user=user, now=now)
    _withdraw_letters(actor, user, Role.OPERATOR, now)
    return Invited(user, is_new=is_new)


def _invite(actor: User, person: str, role: str, now: datetime, **place: Any) -> Invitation:
    """Store an invitation to a place, and send its letter within the sender's budget."""
    email = invitable_address(person)
    earlier = Invitation.objects.waiting().filter(email__iexact=email, role=role, **place)
    if earlier.open_at(now).exists():
        raise FieldErrors(
            {"person": f"{email} is invited already. Send the letter again from the list."}
        )
    earlier.update(withdrawn_at=now)  # too old to accept
    secret = secrets.token_urlsafe(24)
    invitation = Invitation.objects.create(
        email=email,
        role=role,
        invited_by=actor,
        invited_at=now,
        sent_at=now,
        expires_at=now + TERM,
        secret_hash=secret_hash(secret),
        **place,
    )
    send_invitation_letter(invitation, secret, sender=actor, now=now)
    record_invitation(EventType.INVITATION_SENT, actor, invitation, now)
    return invitation


def _withdraw_letters(actor: User, user: User, role: str, now: datetime, **place: Any) -> None:
    """Withdraw what was sent to an address of somebody who has the role without it by now."""
    waiting = Invitation.objects.waiting().to_addresses_of(user).filter(role=role, **place)
    for invitation in waiting:
        cancel_mail(now=now, keys=[invitation_key(invitation)])
        invitation.withdrawn_at = now
        invitation.save(update_fields=["withdrawn_at"])
        record_invitation(EventType.INVITATION_WITHDRAWN, actor, invitation, now)

"""Accept an invitation: by the link in its letter, or because one's own address was invited.

The link alone gives nothing: a letter may be passed on or read by a scanner. Only an account that
has proved the invited address can accept, by a form (decision 76). Such an account needs no link:
whoever signed up without it, or added the address later, finds the invitation in the inbox.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from portal.access.models import Invitation
from portal.access.people.errors import InvitationClosed, InvitationForAnother, NoSuchInvitation
from portal.access.people.places import NO_LONGER, give
from portal.access.people.recording import record_invitation
from portal.accounts.affiliations import addresses_of
from portal.accounts.models import User
from portal.accounts.tokens.secrets import known_hashes
from portal.audit.events import EventType

RELATED = ("namespace", "repo__namespace", "request__repo", "invited_by")


@transaction.atomic
def accept_invitation(*, person: User, secret: str, now: datetime) -> Invitation:
    """Give the role of an invitation to a person who has proved its address, by its link.

    Raise InvitationForAnother to an account that hasn't, FieldErrors where the person doesn't fit,
    and InvitationClosed where the inviter may no longer give it. What stops the inviter is worded
    for the team, and may tell how a request stands.
    """
    invitation = invitation_of(secret, now=now, for_update=True)
    require_addressee(person, invitation)
    return _accept(invitation, person, now)


@transaction.atomic
def accept_own_invitation(*, person: User, invitation_id: int, now: datetime) -> Invitation:
    """Give the role of an invitation to a person who has proved its address, without its link.

    Raise NoSuchInvitation to anybody else; otherwise as ``accept_invitation`` does.
    """
    return _accept(own_invitation(person, invitation_id, now=now, for_update=True), person, now)


def _accept(invitation: Invitation, person: User, now: datetime) -> Invitation:
    invitation.accepted_by, invitation.accepted_at = person, now
    invitation.save(update_fields=["accepted_by", "accepted_at"])
    record_invitation(EventType.INVITATION_ACCEPTED, person, invitation, now)
    try:
        give(invitation, person, now)
    except NO_LONGER as error:
        raise InvitationClosed(is_accepted=False) from error
    return invitation


def invitation_of(secret: str, *, now: datetime, for_update: bool = False) -> Invitation:
    """Return the open invitation of a link. Raise NoSuchInvitation or InvitationClosed."""
    rows = Invitation.objects.filter(secret_hash__in=known_hashes(secret))
    return _open(rows, now, for_update=for_update)


def own_invitation(
    person: User, invitation_id: int, *, now: datetime, for_update: bool = False
) -> Invitation:
    """Return an open invitation to an address that a person has proved.

    Raise NoSuchInvitation for any other, or InvitationClosed.
    """
    rows = Invitation.objects.to_addresses_of(person).filter(pk=invitation_id)
    return _open(rows, now, for_update=for_update)


def _open(rows: QuerySet[Invitation], now: datetime, *, for_update: bool) -> Invitation:
    locked = rows.select_for_update(of=("self",), no_key=True) if for_update else rows
    invitation: Invitation | None = locked.select_related(*RELATED).first()
    if invitation is None:
        raise NoSuchInvitation
    if not invitation.is_open(now):
        raise InvitationClosed(is_accepted=invitation.accepted_at is not None)
    return invitation


def invitations_for(person: User, now: datetime) -> QuerySet[Invitation]:
    """Select the open invitations to addresses that a person has proved, the newest first."""
    waiting = Invitation.objects.open_at(now).to_addresses_of(person)
    invitations: QuerySet[Invitation] = waiting.select_related(*RELATED)
    return invitations


def is_addressee(person: User, invitation: Invitation) -> bool:
    """Tell whether a person has proved the address that was invited."""
    return invitation.email in {address.lower() for address in addresses_of(person)}


def require_addressee(person: User, invitation: Invitation) -> None:
    """Raise InvitationForAnother unless the person has proved the invited address."""
    if not is_addressee(person, invitation):
        raise InvitationForAnother(invitation.email)

"""Send an invitation again, or withdraw it: whoever may invite to its place may."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.db import transaction

from portal.access.letters.people import invitation_key, send_invitation_letter
from portal.access.models import Invitation
from portal.access.people.errors import NoSuchInvitation
from portal.access.people.invitations import TERM
from portal.access.people.places import NO_LONGER, lock_place
from portal.access.people.recording import record_invitation
from portal.accounts.models import User
from portal.accounts.tokens.secrets import secret_hash
from portal.audit.events import EventType
from portal.outbox.services import cancel_mail


@transaction.atomic
def resend_invitation(*, actor: User, invitation_id: int, now: datetime) -> Invitation:
    """Send an invitation again with a new link; the old link ends, the letter not sent yet too."""
    invitation = _lock_to_manage(actor, invitation_id, now)
    cancel_mail(now=now, keys=[invitation_key(invitation)])
    secret = secrets.token_urlsafe(24)
    invitation.secret_hash = secret_hash(secret)
    invitation.sent_at, invitation.expires_at = now, now + TERM
    invitation.save(update_fields=["secret_hash", "sent_at", "expires_at"])
    send_invitation_letter(invitation, secret, sender=actor, now=now)
    record_invitation(EventType.INVITATION_SENT_AGAIN, actor, invitation, now)
    return invitation


@transaction.atomic
def withdraw_invitation(*, actor: User, invitation_id: int, now: datetime) -> Invitation:
    """Withdraw an invitation, whose link ends at once."""
    invitation = _lock_to_manage(actor, invitation_id, now)
    cancel_mail(now=now, keys=[invitation_key(invitation)])
    invitation.withdrawn_at = now
    invitation.save(update_fields=["withdrawn_at"])
    record_invitation(EventType.INVITATION_WITHDRAWN, actor, invitation, now)
    return invitation


def _lock_to_manage(actor: User, invitation_id: int, now: datetime) -> Invitation:
    """Lock a waiting invitation for whoever may invite to its place; NoSuchInvitation to others."""
    locked = Invitation.objects.select_for_update(of=("self",), no_key=True).waiting()
    invitation: Invitation | None = (
        locked.select_related("namespace", "repo__namespace", "request")
        .filter(pk=invitation_id)
        .first()
    )
    if invitation is None:
        raise NoSuchInvitation
    try:
        lock_place(actor, invitation, now)
    except NO_LONGER as error:
        raise NoSuchInvitation from error
    return invitation

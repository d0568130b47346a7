"""Record acts on invitations, without the address: a record is never deleted."""

from __future__ import annotations

from datetime import datetime

from portal.access.models import Invitation
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record


def record_invitation(event: EventType, actor: User, invitation: Invitation, now: datetime) -> None:
    """Record an act as one on the place of the invitation; an operator's has no place."""
    places = (invitation.namespace, invitation.repo, invitation.request)
    target = next((place for place in places if place is not None), invitation)
    facts = {"invitation": invitation.pk, "role": invitation.role}
    record(event, actor=actor, target=target, at=now, **facts)

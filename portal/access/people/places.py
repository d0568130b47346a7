"""Ask who may invite to the place of an invitation, and give what accepting it gives.

Whoever may invite to a place may send its invitations again and withdraw them, and nobody else.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.access.gate.settings import seat_member
from portal.access.models import Invitation
from portal.access.people.guests import add_guest, lock_for_guests, require_fit_guest
from portal.access.people.operators import let_operate
from portal.access.people.roles import LabRole, lock_lab, seat_in_lab
from portal.access.policy.administering import lock_administered_repo
from portal.accounts.models import User
from portal.accounts.services import require_may_make_operators
from portal.errors import Forbidden, InvalidTransition, NotFound

NO_LONGER = (Forbidden, NotFound, InvalidTransition)
"""The errors that a person gets who may not invite to a place, or may no longer."""


def lock_place(actor: User, invitation: Invitation, now: datetime) -> None:
    """Lock where an invitation leads, for somebody who may invite there. Raise ``NO_LONGER``."""
    if invitation.namespace is not None:
        lock_lab(actor, invitation.namespace.pk)
    elif invitation.repo is not None:
        lock_administered_repo(actor, invitation.repo.pk)
    elif invitation.request is not None:
        lock_for_guests(actor, invitation.request.pk, now)
    else:
        require_may_make_operators(actor)


def may_manage(actor: User, invitation: Invitation, now: datetime) -> bool:
    """Tell whether a person may send an invitation again, or withdraw it."""
    try:
        with transaction.atomic():
            lock_place(actor, invitation, now)
    except NO_LONGER:
        return False
    return True


def give(invitation: Invitation, person: User, now: datetime) -> None:
    """Give what was invited to, in the inviter's name, if they may still do that.

    Raise ``NO_LONGER`` where they may not, and FieldErrors where the person doesn't fit.
    """
    actor = invitation.invited_by
    lock_place(actor, invitation, now)
    if invitation.namespace is not None:
        lab, role = invitation.namespace, LabRole(invitation.role)
        seat_in_lab(actor=actor, lab=lab, user=person, role=role, now=now)
    elif invitation.repo is not None:
        seat_member(
            actor=actor,
            repo_id=invitation.repo.pk,
            person=person.username,
            role=invitation.role,
            now=now,
        )
    elif invitation.request is not None:
        require_fit_guest(person, invitation.request, now, field="person")
        add_guest(actor=actor, access_request=invitation.request, user=person, now=now)
    else:
        let_operate(actor=actor, user=person, now=now)

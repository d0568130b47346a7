"""Let somebody outside the team read one request and vote on it, until it is decided."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.access.letters.people import send_guest_added
from portal.access.models import AccessRequest, CaseGuest
from portal.access.policy.conflicts import conflicts_of
from portal.access.policy.contacts import team_members
from portal.access.policy.locks import locked_request
from portal.access.policy.request_actions import RequestAction
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import FieldErrors


def lock_for_guests(actor: User, request_id: int, now: datetime) -> AccessRequest:
    """Lock a request for whoever may invite guests to it. Raise what ``require_action`` does."""
    return locked_request(actor, request_id, RequestAction.INVITE, now)


def require_fit_guest(
    user: User, access_request: AccessRequest, now: datetime, *, field: str
) -> None:
    """Raise FieldErrors for somebody of the team, or in a conflict of interest."""
    if team_members(access_request.repo).filter(pk=user.pk).exists():
        words = f"{user.display_name} is on the team, and may vote already. Assign it to them."
        raise FieldErrors({field: words})
    if conflicts_of([user], access_request, now)[user.pk]:
        words = "has a conflict of interest with this request. Invite somebody else."
        raise FieldErrors({field: f"{user.display_name} {words}"})


def add_guest(*, actor: User, access_request: AccessRequest, user: User, now: datetime) -> bool:
    """Seat a guest within the transaction of a service that has checked the actor.

    Return False where the person has the seat already.
    """
    _, is_new = CaseGuest.objects.get_or_create(
        request=access_request,
        user=user,
        ended_at=None,
        defaults={"added_by": actor, "added_at": now},
    )
    if is_new:
        record(
            EventType.REQUEST_GUEST_ADDED,
            actor=actor,
            target=access_request,
            at=now,
            guest=user.pk,
        )
        send_guest_added(access_request, user, now)
    return is_new


@transaction.atomic
def remove_guest(*, actor: User, request_id: int, username: str, now: datetime) -> None:
    """End a guest's seat at a request; their vote no longer counts. Again changes nothing."""
    access_request = lock_for_guests(actor, request_id, now)
    guests = CaseGuest.objects.current().filter(request=access_request)
    guest = guests.filter(user__username__iexact=username).first()
    if guest is None:
        return
    guest.ended_at = now
    guest.save(update_fields=["ended_at"])
    record(
        EventType.REQUEST_GUEST_REMOVED,
        actor=actor,
        target=access_request,
        at=now,
        guest=guest.user_id,
    )

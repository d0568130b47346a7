"""Repeat what ended tokens, passwords, proofs and roles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portal.access.models import CaseGuest, Invitation
from portal.access.people.managing import withdraw_invitation
from portal.accounts.models import AccessToken, Affiliation, Namespace, NamespaceRole, User
from portal.accounts.services import (
    revoke_token,
    stop_operating,
    stop_publishing,
)
from portal.audit.events import EventType
from portal.audit.services import record
from portal.backup.restoring.ending import Ending
from portal.catalog.labs.seats import take_namespace_seat
from portal.catalog.models import NamespaceSeat, TeamMember
from portal.catalog.services.repos import remove_team_member


def end_token(ending: Ending) -> bool:
    token = AccessToken.objects.select_related("user").filter(pk=ending.target_id).first()
    if token is None or token.revoked_at is not None:
        return False
    revoke_token(owner=token.user, token_id=token.pk, now=ending.now)
    return True


def void_password(ending: Ending) -> bool:
    """Make the password that a person had before useless. They set one by a letter."""
    person = User.objects.select_for_update(no_key=True).filter(pk=ending.target_id).first()
    if person is None or not person.has_usable_password():
        return False
    person.set_unusable_password()
    person.save(update_fields=["password"])
    record(EventType.PASSWORD_RESET, actor=None, target=person, at=ending.now, **ending.facts)
    return True


def end_affiliation(ending: Ending) -> bool:
    standing = Affiliation.objects.filter(pk=ending.target_id, ended_at=None)
    affiliation = standing.select_for_update(no_key=True).first()
    if affiliation is None:
        return False
    affiliation.ended_at = ending.now
    affiliation.save(update_fields=["ended_at"])
    record(
        EventType.AFFILIATION_ENDED,
        actor=None,
        target=affiliation,
        at=ending.now,
        **ending.facts,
    )
    return True


def take_team_seat(ending: Ending) -> bool:
    person = ending.person()
    seats = TeamMember.objects.filter(repo=ending.target_id, user=person)
    if person is None or not seats.exists():
        return False
    remove_team_member(actor=ending.operator, repo_id=ending.target_id, user=person, now=ending.now)
    return True


def take_seat(ending: Ending) -> bool:
    return _take(ending, NamespaceSeat, take_namespace_seat)


def take_role(ending: Ending) -> bool:
    return _take(ending, NamespaceRole, stop_publishing)


def _take(ending: Ending, role: type[Any], take: Callable[..., None]) -> bool:
    person = ending.person()
    namespace = Namespace.objects.filter(pk=ending.target_id).first()
    has_role = role.objects.filter(namespace=namespace, user=person).exists()
    if person is None or namespace is None or not has_role:
        return False
    take(actor=ending.operator, namespace=namespace, user=person, now=ending.now)
    return True


def take_operator(ending: Ending) -> bool:
    """Take an operator's role. Raise FieldErrors for the last operator that the backup has."""
    person = User.objects.operators().filter(pk=ending.target_id).first()
    if person is None:
        return False
    stop_operating(actor=ending.operator, user=person, now=ending.now)
    return True


def end_guest(ending: Ending) -> bool:
    current = CaseGuest.objects.current().filter(
        request=ending.target_id, user=ending.data["guest"]
    )
    guest = current.select_related("request").first()
    if guest is None:
        return False
    guest.ended_at = ending.now
    guest.save(update_fields=["ended_at"])
    record(
        EventType.REQUEST_GUEST_REMOVED,
        actor=ending.actor,
        target=guest.request,
        at=ending.now,
        guest=guest.user_id,
        **ending.facts,
    )
    return True


def end_invitation(ending: Ending) -> bool:
    key = ending.data["invitation"]
    if not Invitation.objects.waiting().filter(pk=key).exists():
        return False
    withdraw_invitation(actor=ending.operator, invitation_id=key, now=ending.now)
    return True

"""Letters about roles: invitations, and that somebody was given one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from portal.access.models import AccessRequest, Invitation
from portal.access.querysets.people import InvitationQuerySet
from portal.accounts.models import Namespace, User
from portal.catalog.models import ModelRepo
from portal.outbox.services import queue_letter, queue_mail
from portal.outbox.templates import fill, words_in


def invitation_key(invitation: Invitation) -> str:
    """Return the key of the newest letter of an invitation, by which its fate is looked up."""
    return f"invitation-{invitation.pk}-{invitation.secret_hash[:16]}"


def send_invitation_letter(
    invitation: Invitation, secret: str, *, sender: User, now: datetime
) -> None:
    """Send the letter with the link, of whose secret we store only a hash."""
    context = {
        "invitation": invitation,
        "sender": sender,
        "site_name": settings.SITE_NAME,
        "url": settings.BASE_URL + reverse("access:invitation", args=[secret]),
        "days": (invitation.expires_at - now).days,
    }
    queue_mail(
        key=invitation_key(invitation),
        kind="role_invitation",
        recipient=None,
        address=invitation.email,
        subject=f"{sender.display_name} invites you to {invitation.place}",
        text=render_to_string("access/mail/invitation.txt", context),
        is_secret=True,
        sender=sender,
        now=now,
    )


@dataclass(frozen=True)
class WaitingInvitation:
    """A row of a list: an invitation that waits, and what became of its letter."""

    invitation: Invitation
    tone: str
    state: str


def waiting_invitations(
    place: Namespace | ModelRepo | AccessRequest, now: datetime
) -> list[WaitingInvitation]:
    """List the invitations to a lab, a model or a request that wait, the newest first."""
    column = {Namespace: "namespace", ModelRepo: "repo", AccessRequest: "request"}[type(place)]
    return _rows(Invitation.objects.filter(**{column: place}), now)


def waiting_operator_invitations(now: datetime) -> list[WaitingInvitation]:
    """List the invitations to operate the site that wait, the newest first."""
    return _rows(Invitation.objects.to_operate(), now)


def _rows(invitations: InvitationQuerySet[Invitation], now: datetime) -> list[WaitingInvitation]:
    waiting = invitations.waiting().with_bounces().select_related("invited_by")
    return [_row(invitation, now) for invitation in waiting]


def _row(invitation: Invitation, now: datetime) -> WaitingInvitation:
    if invitation.bounced:  # type: ignore[attr-defined]
        return WaitingInvitation(invitation, "stop", "The letter came back")
    if now >= invitation.expires_at:
        return WaitingInvitation(invitation, "calm", "Too old to accept")
    return WaitingInvitation(invitation, "wait", "Waits")


def send_role_given(person: User, place: Namespace | ModelRepo, role: str, now: datetime) -> None:
    """Tell a person that they have a role in a lab, or on a model's team, from now on."""
    name = place.display_name if isinstance(place, Namespace) else place.full_name
    page = "access:queue" if role != "Publisher" else "site:labs"
    key = f"role-{place._meta.model_name}-{place.pk}"
    _send_role(person, role, place=name, key=key, page=page, now=now)


def send_operator_role_given(person: User, now: datetime) -> None:
    """Tell a person that they operate the site from now on."""
    _send_role(person, "Operator", place=settings.SITE_NAME, key="role", page="site:labs", now=now)


def _send_role(person: User, role: str, *, place: str, key: str, page: str, now: datetime) -> None:
    _send_notice(
        person,
        words="role_given",
        facts={"role": role.lower(), "place": place},
        key=f"{key}-{person.pk}-{role.lower()}-{now:%Y%m%d%H%M%S}",
        link=("Open your work", reverse(page)),
        now=now,
    )


def send_guest_added(access_request: AccessRequest, person: User, now: datetime) -> None:
    """Tell a person that they may read one request and vote on it."""
    _send_notice(
        person,
        words="guest_added",
        facts={"reference": access_request.reference, "place": access_request.repo.full_name},
        key=f"guest-{access_request.pk}-{person.pk}-{now:%Y%m%d%H%M%S}",
        link=("Open the request", reverse("access:case", args=[access_request.pk])),
        now=now,
    )


def _send_notice(
    person: User,
    *,
    words: str,
    facts: dict[str, str],
    key: str,
    link: tuple[str, str],
    now: datetime,
) -> None:
    letter = fill(words_in(f"access/mail/{words}.txt"), facts)
    label, page = link
    queue_letter(
        key=key,
        kind=words,
        recipient=person,
        subject=letter.subject,
        paragraphs=letter.paragraphs,
        act_label=label,
        act_url=settings.BASE_URL + page,
        reference="",
        team=settings.SITE_NAME,
        now=now,
    )

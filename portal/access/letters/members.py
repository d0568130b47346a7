"""Letters to members of a grant, and to its holder about them."""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from portal.access.letters.mailer import send, team_of, words_for
from portal.access.models import Membership
from portal.accounts.models import User
from portal.formatting import whole_date
from portal.outbox.services import queue_mail


def send_invitation(membership: Membership, *, sender: User | None = None, now: datetime) -> None:
    """Invite somebody to join a grant.

    ``sender`` is the holder who invites now; None where a renewal carries members on.
    """
    grant = membership.grant
    signed = grant.acceptance
    _send_to_address(
        membership,
        kind="invitation",
        key="invited",
        facts={
            "entity": signed.entity if signed else "",
            "until": whole_date(grant.expires_at),
        },
        act_label="Read and sign",
        page=reverse("access:join", args=[membership.pk]),
        sender=sender,
        now=now,
    )


def send_joined(membership: Membership, *, now: datetime) -> None:
    grant, person = membership.grant, membership.person
    if person is None:
        return
    _send(
        membership,
        person,
        kind="joined",
        key="joined",
        facts={"until": whole_date(grant.expires_at)},
        page=reverse("access:grant", args=[grant.pk]),
        now=now,
    )
    _send(
        membership,
        grant.person,
        kind="joined_holder",
        key="joined-holder",
        facts={"member": person.display_name, "address": membership.email},
        page=reverse("access:members", args=[grant.pk]),
        now=now,
    )


def send_ended(membership: Membership, *, now: datetime) -> None:
    """To both; somebody who never joined is told at the address that was invited."""
    grant = membership.grant
    reason = {"reason": membership.end_reason}
    ended = reason | {"ended_on": whole_date(now)}
    if membership.person is None:
        _send_to_address(
            membership,
            kind="invitation_ended",
            key="ended",
            facts=reason,
            act_label="See the models",
            page="/",
            sender=membership.ended_by if membership.ended_by == grant.person else None,
            is_owed=True,  # and bounded by the invitations, which it counts with
            now=now,
        )
    else:
        _send(
            membership,
            membership.person,
            kind="membership_ended",
            key="ended",
            facts=ended,
            page=f"/{grant.repo.full_name}",
            now=now,
        )
    _send(
        membership,
        grant.person,
        kind="membership_ended_holder",
        key="ended-holder",
        facts=ended | {"address": membership.email},
        page=reverse("access:members", args=[grant.pk]),
        now=now,
    )


def _send(
    membership: Membership,
    recipient: User,
    *,
    kind: str,
    key: str,
    facts: dict[str, str],
    page: str,
    now: datetime,
) -> None:
    grant = membership.grant
    send(
        kind=kind,
        repo=grant.repo,
        recipient=recipient,
        key=f"member-{membership.pk}-{key}",
        about=grant.repo.full_name,
        facts={"holder": grant.person.display_name, **facts},
        act_label="See it",
        page=page,
        reference=grant.reference,
        now=now,
    )


def _send_to_address(
    membership: Membership,
    *,
    kind: str,
    key: str,
    facts: dict[str, str],
    act_label: str,
    page: str,
    sender: User | None,
    is_owed: bool = False,
    now: datetime,
) -> None:
    """To the address itself, whether an account has it or not; never telling which."""
    grant = membership.grant
    holder = {"holder": grant.person.display_name}
    words = words_for(kind, grant.repo, grant.reference, holder | facts)
    known = EmailAddress.objects.filter(email__iexact=membership.email, verified=True).first()
    context = {
        "team": team_of(grant.repo),
        "greeting": "Hello,",
        "paragraphs": words.paragraphs,
        "act_label": act_label,
        "act_url": f"{settings.BASE_URL}{page}",
        "reference": grant.reference,
        "subject": words.subject,
    }
    queue_mail(
        key=f"member-{membership.pk}-{key}",
        kind=kind,
        recipient=known.user if known else None,
        address=membership.email,
        subject=f"{words.subject} ({grant.reference})",
        text=render_to_string("outbox/letter.txt", context),
        html=render_to_string("outbox/letter.html", context),
        sender=sender,
        is_owed=is_owed,
        now=now,
    )

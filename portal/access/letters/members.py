"""Letters to members of a grant, and to its holder about them."""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from portal.access.models import Membership
from portal.access.refusals import whole_date
from portal.accounts.models import User
from portal.outbox.services import queue_letter, queue_mail


def send_invitation(membership: Membership, *, now: datetime) -> None:
    grant = membership.grant
    signed = grant.acceptance
    entity = signed.entity if signed else ""
    _send_to_address(
        membership,
        key="invited",
        subject=f"You are invited to work with {grant.repo.full_name}",
        paragraphs=[
            f"{grant.person.display_name} invites you to work with {grant.repo.full_name} under "
            f"the licence that they signed for {entity}.",
            "Sign in, or make an account, with this very address, and confirm it. Then read the "
            "licence and sign it for yourself: each member is bound in person.",
            f"The grant stands until {whole_date(grant.expires_at)}.",
        ],
        act_label="Read and sign",
        now=now,
    )


def send_joined(membership: Membership, *, now: datetime) -> None:
    grant, person = membership.grant, membership.person
    if person is None:
        return
    _send(
        membership,
        person,
        key="joined",
        subject="You are a member",
        paragraphs=[
            f"You signed, and {grant.repo.full_name} is open to you under the grant of "
            f"{grant.person.display_name}, until {whole_date(grant.expires_at)}.",
        ],
        page=reverse("access:grant", args=[grant.pk]),
        now=now,
    )
    _send(
        membership,
        grant.person,
        key="joined-holder",
        subject="A member joined your grant",
        paragraphs=[
            f"{person.display_name} ({membership.email}) signed, and works under your grant of "
            f"{grant.repo.full_name} now.",
        ],
        page=reverse("access:members", args=[grant.pk]),
        now=now,
    )


def send_ended(membership: Membership, *, now: datetime) -> None:
    """To both; somebody who never joined is told at the address that was invited."""
    grant = membership.grant
    said = f"The reason: {membership.end_reason}"
    theirs = [
        f"Your membership in the grant of {grant.person.display_name} on {grant.repo.full_name} "
        f"ended on {whole_date(now)}. {said}",
        "Tokens that reach the model have ended with it. What the licence asks of you after the "
        "end still holds.",
    ]
    subject = "Your membership has ended"
    if membership.person is None:
        _send_to_address(
            membership,
            key="ended",
            subject=f"Your invitation to {grant.repo.full_name} is taken back",
            paragraphs=[f"The invitation to {grant.repo.full_name} no longer stands. {said}"],
            act_label="See the models",
            now=now,
            page="/",
        )
    else:
        page = f"/{grant.repo.full_name}"
        _send(
            membership,
            membership.person,
            key="ended",
            subject=subject,
            paragraphs=theirs,
            page=page,
            now=now,
        )
    _send(
        membership,
        grant.person,
        key="ended-holder",
        subject="A membership in your grant has ended",
        paragraphs=[
            f"The membership of {membership.email} in your grant of {grant.repo.full_name} ended "
            f"on {whole_date(now)}. {said}",
        ],
        page=reverse("access:members", args=[grant.pk]),
        now=now,
    )


def _send(
    membership: Membership,
    recipient: User,
    *,
    key: str,
    subject: str,
    paragraphs: list[str],
    page: str,
    now: datetime,
) -> None:
    repo = membership.grant.repo
    queue_letter(
        key=f"member-{membership.pk}-{key}",
        kind="membership",
        recipient=recipient,
        subject=f"{subject} ({repo.full_name})",
        paragraphs=paragraphs,
        act_label="See it",
        act_url=f"{settings.BASE_URL}{page}",
        reference=membership.grant.reference,
        team=f"{repo.namespace.display_name} access team",
        now=now,
    )


def _send_to_address(
    membership: Membership,
    *,
    key: str,
    subject: str,
    paragraphs: list[str],
    act_label: str,
    now: datetime,
    page: str = "",
) -> None:
    """To the address itself, whether an account has it or not; never telling which."""
    repo, reference = membership.grant.repo, membership.grant.reference
    known = EmailAddress.objects.filter(email__iexact=membership.email, verified=True).first()
    context = {
        "team": f"{repo.namespace.display_name} access team",
        "greeting": "Hello,",
        "paragraphs": paragraphs,
        "act_label": act_label,
        "act_url": f"{settings.BASE_URL}{page or reverse('access:join', args=[membership.pk])}",
        "reference": reference,
        "subject": subject,
    }
    queue_mail(
        key=f"member-{membership.pk}-{key}",
        kind="membership",
        recipient=known.user if known else None,
        address=membership.email,
        subject=f"{subject} ({reference})",
        text=render_to_string("outbox/letter.txt", context),
        html=render_to_string("outbox/letter.html", context),
        now=now,
    )

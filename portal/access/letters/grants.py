"""Letters about a grant after it was given: to its holder, in the team's voice."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from portal.access.conditions import Conditions
from portal.access.models import Grant, Renewal
from portal.access.refusals import whole_date
from portal.catalog.models import Mode
from portal.outbox.services import queue_letter

DUTIES = "What the licence asks of you after the end still holds."


def send_activation(grant: Grant, *, now: datetime) -> None:
    _send(
        grant,
        key="activated",
        kind="approval",
        subject="Your access is open",
        paragraphs=[*_what_is_open(grant), "The page of your grant has everything about it."],
        act_label="See your grant",
        now=now,
    )


def send_offered(grant: Grant, *, now: datetime) -> None:
    until = grant.offer_expires_at or grant.expires_at
    modes = " and ".join(Mode(mode).label.lower() for mode in grant.modes)
    _send(
        grant,
        key="offered",
        kind="offer",
        subject="Access is offered to you",
        paragraphs=[
            f"We offer you access to {grant.repo.full_name}: {modes}, until "
            f"{whole_date(grant.expires_at)}.",
            *Conditions.of(grant.conditions).words(),
            f"Read the licence and sign it by {whole_date(until)}; that opens it at once.",
        ],
        act_label="Read and sign",
        page="access:offer",
        now=now,
    )


def send_offer_declined(grant: Grant, *, now: datetime) -> None:
    _send(
        grant,
        key="offer-declined",
        kind="offer_declined",
        subject="You declined our offer",
        paragraphs=[
            f"You declined the terms on which we offered {grant.repo.full_name}, so nothing was "
            "opened. You may ask again at any time.",
        ],
        act_label="See the offer",
        now=now,
    )


def send_revocation(grant: Grant, *, reason: str, now: datetime) -> None:
    _send(
        grant,
        key="revoked",
        kind="revocation",
        subject="Your access has ended",
        paragraphs=[
            f"We ended your access to {grant.repo.full_name} on {whole_date(now)}. The reason:",
            reason,
            f"Tokens and links no longer open it, and running jobs stop. {DUTIES}",
        ],
        act_label="See your grant",
        now=now,
    )


def send_notice(grant: Grant, *, can_sign: bool, now: datetime) -> None:
    ends_at = grant.ends_by_notice_at or grant.expires_at
    go_on = (
        "You may go on: sign the newer text on the page of your grant, at any time."
        if can_sign
        else "You may ask for access anew at any time."
    )
    _send(
        grant,
        key=f"notice-{ends_at:%Y%m%d}",
        kind="notice",
        subject="Your access ends by notice",
        paragraphs=[
            f"We end your access to {grant.repo.full_name} by notice, as its licence lets us: on "
            f"{whole_date(ends_at)}. Until then it stands as you signed it. The reason:",
            grant.notice_reason,
            f"{go_on} {DUTIES}",
        ],
        act_label="Read the newer text" if can_sign else "See your grant",
        page="access:newer" if can_sign else "access:grant",
        now=now,
    )


def send_closed(grant: Grant, *, now: datetime) -> None:
    _send(
        grant,
        key="closed",
        kind="closed",
        subject="You closed your access",
        paragraphs=[
            f"You closed your access to {grant.repo.full_name} on {whole_date(now)}, with this "
            "statement:",
            grant.closeout,
            DUTIES,
        ],
        act_label="See your grant",
        now=now,
    )


def send_renewed(grant: Grant, *, now: datetime) -> None:
    _send(
        grant,
        key="renewed",
        kind="renewal",
        subject="Your access is renewed",
        paragraphs=[*_what_is_open(grant), "Thank you for your report."],
        act_label="See your grant",
        now=now,
    )


def send_renewal_filed(renewal: Renewal, *, now: datetime) -> None:
    _send(
        renewal.grant,
        key=f"renewal-{renewal.pk}-filed",
        kind="renewal",
        subject="We have your renewal",
        paragraphs=[
            f"Your report on {renewal.grant.repo.full_name} arrived. A person on our team reads "
            f"it; you have our answer by {whole_date(renewal.due_at)}.",
        ],
        act_label="See your grant",
        now=now,
    )


def send_renewal_declined(renewal: Renewal, *, now: datetime) -> None:
    grant = renewal.grant
    _send(
        grant,
        key=f"renewal-{renewal.pk}-declined",
        kind="renewal",
        subject="We can’t renew your access",
        paragraphs=[
            f"We did not renew your access to {grant.repo.full_name}. It stands until "
            f"{whole_date(grant.expires_at)}, as before. The reason:",
            renewal.reason,
            "You may correct what stood in the way and file again.",
        ],
        act_label="See your grant",
        now=now,
    )


def _what_is_open(grant: Grant) -> list[str]:
    modes = " and ".join(Mode(mode).label.lower() for mode in grant.modes)
    signed = f" It stands under {grant.acceptance.licence_version}." if grant.acceptance else ""
    opened = (
        f"{grant.repo.full_name} is open to you: {modes}, until {whole_date(grant.expires_at)}."
    )
    return [opened + signed, *Conditions.of(grant.conditions).words()]


def notice_keys(grant: Grant) -> str:
    """How the keys of all letters about a grant begin, by which their delivery is found."""
    return f"grant-{grant.pk}-"


def _send(
    grant: Grant,
    *,
    key: str,
    kind: str,
    subject: str,
    paragraphs: list[str],
    act_label: str,
    page: str = "access:grant",
    now: datetime,
) -> None:
    repo = grant.repo
    queue_letter(
        key=f"{notice_keys(grant)}{key}",
        kind=kind,
        recipient=grant.person,
        subject=f"{subject} ({repo.full_name})",
        paragraphs=paragraphs,
        act_label=act_label,
        act_url=f"{settings.BASE_URL}{reverse(page, args=[grant.pk])}",
        reference=grant.reference,
        team=f"{repo.namespace.display_name} access team",
        now=now,
    )

"""The letters that time itself causes after a yes: an offer or a grant that ends."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from portal.access.due import grant_reminder_key
from portal.access.letters.common import team_of
from portal.access.models import Grant
from portal.access.refusals import whole_date
from portal.outbox.services import queue_letter

CLOSEOUT = (
    "What the licence asks of you after its end still holds. Delete the weights and all copies, "
    "and tell us so: a sentence is enough."
)


def send_about_grant(
    grant: Grant,
    *,
    kind: str,
    key: str,
    subject: str,
    paragraphs: list[str],
    act_label: str,
    page: str,
    now: datetime,
) -> None:
    repo = grant.repo
    queue_letter(
        key=f"grant-{grant.pk}-{key}",
        kind=kind,
        recipient=grant.person,
        subject=f"{subject} ({repo.full_name}, {grant.reference})",
        paragraphs=paragraphs,
        act_label=act_label,
        act_url=f"{settings.BASE_URL}{page}",
        reference=grant.reference,
        team=team_of(repo),
        now=now,
    )


def send_offer_reminder(grant: Grant, ends: datetime, *, now: datetime) -> None:
    send_about_grant(
        grant,
        kind="offer_reminder",
        key="offer-reminder",
        subject="An offer waits for your signature",
        paragraphs=[
            f"We offered you access to {grant.repo.full_name}. It opens when you sign its terms.",
            f"The offer stands until {whole_date(ends)}.",
        ],
        act_label="Read and sign",
        page=reverse("access:offer", args=[grant.pk]),
        now=now,
    )


def send_offer_lapsed(grant: Grant, ends: datetime, *, now: datetime) -> None:
    repo = grant.repo
    send_about_grant(
        grant,
        kind="offer_lapsed",
        key="offer-lapsed",
        subject="An offer has lapsed",
        paragraphs=[
            f"Our offer of access to {repo.full_name} stood until {whole_date(ends)}, and wasn’t "
            "signed.",
            "Ask again: your answers are kept, and the team can offer it anew.",
        ],
        act_label="Ask again",
        page=reverse("access:start", args=[repo.namespace.name, repo.name]),
        now=now,
    )


def send_grant_reminder(grant: Grant, *, days: int, page: str, now: datetime) -> None:
    send_about_grant(
        grant,
        kind="grant_reminder",
        key=grant_reminder_key(days),
        subject="Your access ends soon",
        paragraphs=[
            f"Your access to {grant.repo.full_name} ends on {whole_date(grant.expires_at)}.",
            "If your work goes on, ask for its renewal now: say in a few lines what came of the "
            "use so far. The access goes on without a gap.",
            "If it is done, there is nothing you need to do before that day.",
        ],
        act_label="Renew the access",
        page=page,
        now=now,
    )


def send_grant_ended(grant: Grant, ends: datetime, *, page: str, now: datetime) -> None:
    send_about_grant(
        grant,
        kind="grant_ended",
        key="ended",
        subject="Your access has ended",
        paragraphs=[
            f"Your access to {grant.repo.full_name} ended on {whole_date(ends)}, as agreed. Tokens "
            "and links no longer open it.",
            CLOSEOUT,
        ],
        act_label="State that the copies are gone",
        page=page,
        now=now,
    )


def send_closeout_reminder(grant: Grant, ends: datetime, *, page: str, now: datetime) -> None:
    send_about_grant(
        grant,
        kind="closeout_reminder",
        key="closeout-reminder",
        subject="Your statement is missing",
        paragraphs=[
            f"Your access to {grant.repo.full_name} ended on {whole_date(ends)}, and we have no "
            "word from you that the copies are gone.",
            CLOSEOUT,
        ],
        act_label="State that the copies are gone",
        page=page,
        now=now,
    )

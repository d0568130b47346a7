"""Letters to people whom a hold stops: what is held, why, and that it can be lifted."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from portal.access.models import Hold
from portal.access.refusals import whole_date
from portal.accounts.models import User
from portal.outbox.services import queue_letter


def send_placed(hold: Hold, person: User, *, now: datetime) -> None:
    _send(
        hold,
        person,
        key="placed",
        subject="Your access is suspended",
        paragraphs=[
            f"We suspended access to {what_of(hold)} on {whole_date(now)}{_why_you(hold)}. The "
            "reason:",
            hold.reason,
            "Nothing is taken away: tokens, links and jobs stop for now, and work again when it is "
            "lifted. Answer this letter if we are mistaken, or to ask how long it takes.",
        ],
        now=now,
    )


def send_lifted(hold: Hold, person: User, *, now: datetime) -> None:
    _send(
        hold,
        person,
        key="lifted",
        subject="The suspension is lifted",
        paragraphs=[
            f"The suspension of access to {what_of(hold)} was lifted on {whole_date(now)}. What "
            "your grants open is open again.",
        ],
        now=now,
    )


def what_of(hold: Hold) -> str:
    """What it holds back, as a sentence names it."""
    if hold.revision is not None:
        return f"revision {hold.revision.commit[:10]} of {hold.revision.repo.full_name}"
    return hold.repo.full_name if hold.repo else f"every model at {settings.SITE_NAME}"


def _why_you(hold: Hold) -> str:
    return f" for everybody at {hold.organization}" if hold.organization else ""


def _send(
    hold: Hold, person: User, *, key: str, subject: str, paragraphs: list[str], now: datetime
) -> None:
    team = f"{hold.repo.namespace.display_name} access team" if hold.repo else settings.SITE_NAME
    queue_letter(
        key=f"hold-{hold.pk}-{key}-{person.pk}",
        kind="suspension",
        recipient=person,
        subject=f"{subject} (H{hold.pk:04d})",
        paragraphs=paragraphs,
        act_label="See your grants",
        act_url=f"{settings.BASE_URL}{reverse('access:grants')}",
        reference=f"H{hold.pk:04d}",
        team=team,
        now=now,
    )

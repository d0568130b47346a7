"""The letters that time itself causes after a yes: an offer or a grant that ends."""

from __future__ import annotations

from datetime import datetime

from django.urls import reverse

from portal.access.deadlines.due import grant_reminder_key
from portal.access.letters.mailer import send_about_grant
from portal.access.models import Grant
from portal.formatting import whole_date

GONE = "State that the copies are gone"


def send_offer_reminder(grant: Grant, ends: datetime, *, now: datetime) -> None:
    send_about_grant(
        grant,
        kind="offer_reminder",
        key="offer-reminder",
        about=_about(grant),
        facts={"offer_until": whole_date(ends)},
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
        about=_about(grant),
        facts={"offer_until": whole_date(ends)},
        act_label="Ask again",
        page=reverse("access:start", args=[repo.namespace.name, repo.name]),
        now=now,
    )


def send_grant_reminder(grant: Grant, *, days: int, page: str, now: datetime) -> None:
    send_about_grant(
        grant,
        kind="grant_reminder",
        key=grant_reminder_key(days),
        about=_about(grant),
        facts={"ends_on": whole_date(grant.expires_at)},
        act_label="Renew the access",
        page=page,
        now=now,
    )


def send_grant_ended(grant: Grant, ends: datetime, *, page: str, now: datetime) -> None:
    send_about_grant(
        grant,
        kind="grant_ended",
        key="ended",
        about=_about(grant),
        facts={"ended_on": whole_date(ends)},
        act_label=GONE,
        page=page,
        now=now,
    )


def send_closeout_reminder(grant: Grant, ends: datetime, *, page: str, now: datetime) -> None:
    send_about_grant(
        grant,
        kind="closeout_reminder",
        key="closeout-reminder",
        about=_about(grant),
        facts={"ended_on": whole_date(ends)},
        act_label=GONE,
        page=page,
        now=now,
    )


def _about(grant: Grant) -> str:
    return f"{grant.repo.full_name}, {grant.reference}"

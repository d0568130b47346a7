"""Letters that tell a decision."""

from __future__ import annotations

from datetime import datetime

from portal.access.letters.common import send_about
from portal.access.models import AccessRequest, Decision, Grant
from portal.access.refusals import whole_date
from portal.catalog.models import Mode


def send_approval(access_request: AccessRequest, grant: Grant, *, now: datetime) -> None:
    modes = " and ".join(Mode(mode).label.lower() for mode in grant.modes)
    send_about(
        access_request,
        kind="approval",
        key=f"approval-{grant.pk}",
        subject="Your access is open",
        paragraphs=[
            f"You have access to {access_request.repo.full_name}: {modes}, "
            f"until {whole_date(grant.expires_at)}.",
            f"It stands under {grant.acceptance.licence_version}, which you signed on "
            f"{whole_date(grant.acceptance.accepted_at)}.",
            "Make a token, and use the tools you already have; the page of your request has the "
            "commands.",
        ],
        act_label="See what is open",
        now=now,
    )


def send_decline(access_request: AccessRequest, decision: Decision, *, now: datetime) -> None:
    send_about(
        access_request,
        kind="decline",
        key=f"decline-{decision.pk}",
        subject="We can’t give access on this request",
        paragraphs=[
            f"We declined your request for {access_request.repo.full_name}. The reason: "
            f"{Decision.Reason(decision.reason_code).label}.",
            decision.reason_text,
            "You may correct what stood in the way and ask again at any time.",
        ],
        act_label="Read the decision",
        now=now,
    )

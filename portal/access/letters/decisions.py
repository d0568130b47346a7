"""Letters that tell a decision. They leave when it can no longer be undone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from django.urls import reverse

from portal.access.letters.mailer import (
    Address,
    applicant_of,
    letter_key,
    modes_of,
    reader_of,
    send,
)
from portal.access.letters.requests import about_screening
from portal.access.lifecycle import lapses_at
from portal.access.models import AccessRequest, Appeal, Decision, Grant, Screening
from portal.access.policy.conditions import Conditions
from portal.access.policy.gate_settings import settings_of
from portal.accounts.models import User
from portal.catalog.models import LicenceVersion
from portal.formatting import whole_date


def letter_keys(decision: Decision) -> list[str]:
    """Return the keys under which the letters of this decision may be queued."""
    return [
        letter_key(decision.request, f"{kind}-{decision.pk}")
        for kind in ("approval", "approval_check", "offer", "decline")
    ]


def send_approval(access_request: AccessRequest, grant: Grant, *, now: datetime) -> None:
    """Tell that the access is open under the text that was signed with the request."""
    if grant.acceptance is None or grant.decision is None:
        raise ValueError("an open access has its signature and its decision")
    facts = _terms(grant) | {
        "licence": str(grant.acceptance.licence_version),
        "signed_on": whole_date(grant.acceptance.accepted_at),
    }
    address = applicant_of(access_request).linked("See what is open")
    _send(address, grant.decision, kind="approval", facts=facts, now=now)


def send_approval_check(
    access_request: AccessRequest, grant: Grant, screening: Screening, *, now: datetime
) -> None:
    """Tell that the access opens once a person has made the extra check."""
    if grant.decision is None or screening.due_at is None:
        raise ValueError("a grant that is checked has its decision, and its check a due date")
    facts = _terms(grant) | {
        "about": about_screening(screening),
        "due": whole_date(screening.due_at),
    }
    page = reverse("access:grant", args=[grant.pk])
    address = applicant_of(access_request).linked("See your grant", page)
    _send(address, grant.decision, kind="approval_check", facts=facts, now=now)


def send_offer(
    access_request: AccessRequest, grant: Grant, licence: LicenceVersion, *, now: datetime
) -> None:
    """Tell that the access opens once its terms are signed."""
    if grant.decision is None:
        raise ValueError("an offer that was asked for has its decision")
    facts = _terms(grant) | {
        "conditions": "\n".join(Conditions.of(grant.conditions).words()),
        "licence": str(licence),
        "offer_until": whole_date(lapses_at(grant)),
    }
    page = reverse("access:offer", args=[grant.pk])
    address = applicant_of(access_request).linked("Read and sign", page)
    _send(address, grant.decision, kind="offer", facts=facts, now=now)


def send_decline(access_request: AccessRequest, decision: Decision, *, now: datetime) -> None:
    facts = {
        "reason": str(Decision.Reason(decision.reason_code).label),
        "explanation": decision.reason_text,
        "appeal": _appeal(access_request, decision),
    }
    address = applicant_of(access_request).linked("Read the decision")
    _send(address, decision, kind="decline", facts=facts, now=now)


def send_reopening(
    access_request: AccessRequest, *, reason: str, ends_access: bool, now: datetime
) -> None:
    """Tell that a decided request is reviewed again, and whether that ended an access."""
    send(
        applicant_of(access_request),
        kind="reopened",
        key=f"reopened-{now:%Y%m%d%H%M%S%f}",
        facts={
            "explanation": reason,
            "access": "The access that you had has ended." if ends_access else "",
            "due": whole_date(access_request.due_at) if access_request.due_at else "",
        },
        now=now,
    )


def send_assignment(access_request: AccessRequest, assignee: User, *, now: datetime) -> None:
    """Tell a reviewer that the case is theirs now."""
    due = f" It is due {whole_date(access_request.due_at)}." if access_request.due_at else ""
    address = reader_of(access_request, assignee).linked("Open the case")
    send(
        replace(address, about=access_request.repo.full_name),
        kind="assignment",
        key=f"assigned-{assignee.pk}-{now:%Y%m%d%H%M%S%f}",
        facts={"due": due},
        now=now,
    )


def _send(
    address: Address, decision: Decision, *, kind: str, facts: dict[str, str], now: datetime
) -> None:
    due_at = decision.undo_until
    send(address, kind=kind, key=f"{kind}-{decision.pk}", facts=facts, due_at=due_at, now=now)


def _terms(grant: Grant) -> dict[str, str]:
    return {"modes": modes_of(grant), "until": whole_date(grant.expires_at)}


def _appeal(access_request: AccessRequest, decision: Decision) -> str:
    """Say until when an appeal is open; nothing where one was made already."""
    if Appeal.objects.filter(request=access_request).exists():
        return ""
    until = decision.decided_at + timedelta(days=settings_of(access_request.repo).appeal_days)
    day = whole_date(until)
    return f"You can appeal once, until {day}; people who did not decide this will review it."

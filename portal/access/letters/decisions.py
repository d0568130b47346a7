"""Letters that tell a decision. They leave when it can no longer be undone."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse

from portal.access.letters.mailer import letter_key, modes_of, send_about, team_of
from portal.access.letters.requests import about_screening
from portal.access.lifecycle import lapses_at
from portal.access.models import AccessRequest, Appeal, Decision, Grant, Screening
from portal.access.policy.conditions import Conditions
from portal.access.policy.gate_settings import settings_of
from portal.accounts.models import User
from portal.catalog.models import LicenceVersion
from portal.formatting import whole_date
from portal.outbox.services import queue_letter


def letter_keys(decision: Decision) -> list[str]:
    """The keys under which the letters of this decision may be queued."""
    return [
        letter_key(decision.request, f"{kind}-{decision.pk}")
        for kind in ("approval", "approval_check", "offer", "decline")
    ]


def send_approval(access_request: AccessRequest, grant: Grant, *, now: datetime) -> None:
    """The access is open under what was signed."""
    if grant.acceptance is None or grant.decision is None:
        raise ValueError("an open access has its signature and its decision")
    facts = _terms(grant) | {
        "licence": str(grant.acceptance.licence_version),
        "signed_on": whole_date(grant.acceptance.accepted_at),
    }
    _send(
        access_request,
        grant.decision,
        kind="approval",
        act_label="See what is open",
        facts=facts,
        now=now,
    )


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
    _send(
        access_request,
        grant.decision,
        kind="approval_check",
        act_label="See your grant",
        facts=facts,
        now=now,
        page=page,
    )


def send_offer(
    access_request: AccessRequest, grant: Grant, licence: LicenceVersion, *, now: datetime
) -> None:
    """The access opens when its terms are signed."""
    if grant.decision is None:
        raise ValueError("an offer that was asked for has its decision")
    facts = _terms(grant) | {
        "conditions": "\n".join(Conditions.of(grant.conditions).words()),
        "licence": str(licence),
        "offer_until": whole_date(lapses_at(grant)),
    }
    page = reverse("access:offer", args=[grant.pk])
    _send(
        access_request,
        grant.decision,
        kind="offer",
        act_label="Read and sign",
        facts=facts,
        now=now,
        page=page,
    )


def send_decline(access_request: AccessRequest, decision: Decision, *, now: datetime) -> None:
    facts = {
        "reason": str(Decision.Reason(decision.reason_code).label),
        "explanation": decision.reason_text,
        "appeal": _appeal(access_request, decision),
    }
    _send(
        access_request,
        decision,
        kind="decline",
        act_label="Read the decision",
        facts=facts,
        now=now,
    )


def send_reopening(
    access_request: AccessRequest, *, reason: str, ends_access: bool, now: datetime
) -> None:
    send_about(
        access_request,
        kind="reopened",
        key=f"reopened-{now:%Y%m%d%H%M%S%f}",
        facts={
            "explanation": reason,
            "access": "The access that was given on it has ended." if ends_access else "",
            "due": whole_date(access_request.due_at) if access_request.due_at else "",
        },
        now=now,
    )


def send_assignment(access_request: AccessRequest, assignee: User, *, now: datetime) -> None:
    """To the reviewer whose case it is now."""
    repo = access_request.repo
    due = f" It is due {whole_date(access_request.due_at)}." if access_request.due_at else ""
    queue_letter(
        key=letter_key(access_request, f"assigned-{assignee.pk}-{now:%Y%m%d%H%M%S%f}"),
        kind="assignment",
        recipient=assignee,
        subject=f"Request {access_request.reference} is yours to review ({repo.full_name})",
        paragraphs=[
            f"Request {access_request.reference} for {repo.full_name} was assigned to you.{due}"
        ],
        act_label="Open the case",
        act_url=f"{settings.BASE_URL}{reverse('access:case', args=[access_request.pk])}",
        reference=access_request.reference,
        team=team_of(repo),
        now=now,
    )


def _send(
    access_request: AccessRequest,
    decision: Decision,
    *,
    kind: str,
    act_label: str,
    facts: dict[str, str],
    now: datetime,
    page: str = "",
) -> None:
    send_about(
        access_request,
        kind=kind,
        key=f"{kind}-{decision.pk}",
        act_label=act_label,
        facts=facts,
        page=page,
        due_at=decision.undo_until,
        now=now,
    )


def _terms(grant: Grant) -> dict[str, str]:
    return {"modes": modes_of(grant), "until": whole_date(grant.expires_at)}


def _appeal(access_request: AccessRequest, decision: Decision) -> str:
    """The way to others' judgement, open once."""
    if Appeal.objects.filter(request=access_request).exists():
        return ""
    until = decision.decided_at + timedelta(days=settings_of(access_request.repo).appeal_days)
    return f"You may appeal once, until {whole_date(until)}; people who didn’t decide this will."

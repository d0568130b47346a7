"""The letters that a request brings, in the team's voice. No letter holds a secret."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from portal.access.models import AccessRequest, Decision, Grant, Question
from portal.access.refusals import whole_date
from portal.catalog.models import Mode
from portal.outbox.services import queue_letter


def _send(
    access_request: AccessRequest,
    *,
    kind: str,
    key: str,
    subject: str,
    paragraphs: list[str],
    act_label: str,
    now: datetime,
) -> None:
    repo = access_request.repo
    page = reverse("access:request", args=[access_request.pk])
    queue_letter(
        key=f"request-{access_request.pk}-{key}",
        kind=kind,
        recipient=access_request.applicant,
        subject=f"{subject} ({repo.full_name}, request {access_request.reference})",
        paragraphs=paragraphs,
        act_label=act_label,
        act_url=f"{settings.BASE_URL}{page}",
        reference=access_request.reference,
        team=f"{repo.namespace.display_name} access team",
        now=now,
    )


def send_receipt(access_request: AccessRequest, *, number: int, now: datetime) -> None:
    due = whole_date(access_request.due_at) if access_request.due_at else ""
    _send(
        access_request,
        kind="receipt",
        key=f"receipt-{number}",
        subject="We have your request",
        paragraphs=[
            f"Your request for {access_request.repo.full_name} arrived. Its reference is "
            f"{access_request.reference}.",
            f"A person on our team reads it. You have our answer by {due}.",
        ],
        act_label="See your request",
        now=now,
    )


def send_question(access_request: AccessRequest, question: Question, *, now: datetime) -> None:
    _send(
        access_request,
        kind="question",
        key=f"question-{question.pk}",
        subject="A question about your request",
        paragraphs=[
            "We read your request, and need to know one thing before we can decide:",
            question.text,
            "The clock stands until you answer.",
        ],
        act_label="Answer the question",
        now=now,
    )


def send_approval(access_request: AccessRequest, grant: Grant, *, now: datetime) -> None:
    modes = " and ".join(Mode(mode).label.lower() for mode in grant.modes)
    _send(
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
    _send(
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


def send_withdrawal(access_request: AccessRequest, *, now: datetime) -> None:
    _send(
        access_request,
        kind="withdrawal",
        key="withdrawal",
        subject="You withdrew your request",
        paragraphs=[
            f"Your request for {access_request.repo.full_name} is withdrawn, as you asked. Nobody "
            "decides on it any more.",
            "You may ask again at any time.",
        ],
        act_label="See your request",
        now=now,
    )


def send_revocation(grant: Grant, *, reason: str, now: datetime) -> None:
    repo = grant.repo
    queue_letter(
        key=f"grant-{grant.pk}-revoked",
        kind="revocation",
        recipient=grant.person,
        subject=f"Your access has ended ({repo.full_name})",
        paragraphs=[
            f"We ended your access to {repo.full_name} on {whole_date(now)}. The reason:",
            reason,
            "Tokens and links no longer open it, and running jobs stop. What the licence asks of "
            "you after its end still holds.",
        ],
        act_label="See the model",
        act_url=f"{settings.BASE_URL}/{repo.full_name}",
        reference=f"G{grant.pk:04d}",
        team=f"{repo.namespace.display_name} access team",
        now=now,
    )

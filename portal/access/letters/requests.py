"""Letters on the way of a request: receipt, question, withdrawal."""

from __future__ import annotations

from datetime import datetime

from portal.access.letters.common import send_about
from portal.access.models import AccessRequest, Question
from portal.access.refusals import whole_date


def send_receipt(access_request: AccessRequest, *, number: int, now: datetime) -> None:
    due = whole_date(access_request.due_at) if access_request.due_at else ""
    send_about(
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
    send_about(
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


def send_withdrawal(access_request: AccessRequest, *, now: datetime) -> None:
    send_about(
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

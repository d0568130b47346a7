"""The letters that time itself causes on the way of a request: late, reminded, lapsed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from portal.access.deadlines.due import draft_key, question_key
from portal.access.deadlines.timers import DRAFT_NOTICE, RESUMABLE
from portal.access.letters.mailer import letter_key, send_about, team_of
from portal.access.models import AccessRequest, Question
from portal.accounts.models import User
from portal.formatting import whole_date
from portal.outbox.services import queue_letter

# --- to the applicant


def send_draft_reminder(case: AccessRequest, stamp: str, *, now: datetime) -> None:
    send_about(
        case,
        kind="draft_reminder",
        key=draft_key(stamp),
        facts={"saved_on": whole_date(case.saved_at), "days": str(DRAFT_NOTICE.days)},
        act_label="Go on with the draft",
        now=now,
    )


def send_overdue(case: AccessRequest, *, level: int, stamp: str, now: datetime) -> None:
    due = {"due": whole_date(case.due_at) if case.due_at else ""}
    lab = {"lab": case.repo.namespace.display_name}
    send_about(
        case,
        kind="overdue" if level == 1 else "overdue_again",
        key=f"overdue-{level}-{stamp}",
        facts=due if level == 1 else due | lab,
        now=now,
    )


def send_question_reminder(question: Question, *, days: int, now: datetime) -> None:
    send_about(
        question.request,
        kind="question_reminder",
        key=f"question-{question.pk}-{question_key(days)}",
        facts={
            "question": question.text,
            "deadline": whole_date(question.deadline_at),
            "days": str(RESUMABLE.days),
        },
        act_label="Answer the question",
        now=now,
    )


def send_lapse(question: Question, *, now: datetime) -> None:
    send_about(
        question.request,
        kind="lapse",
        key=f"question-{question.pk}-lapsed",
        facts={"until": whole_date(now + RESUMABLE)},
        act_label="Take it up again",
        now=now,
    )


# --- to the team, the administrators, the owners


def send_to_team(
    case: AccessRequest,
    people: Iterable[User],
    *,
    kind: str,
    key: str,
    subject: str,
    paragraphs: list[str],
    now: datetime,
) -> None:
    page = reverse("access:case", args=[case.pk])
    for person in people:
        queue_letter(
            key=letter_key(case, f"{key}-to-{person.pk}"),
            kind=kind,
            recipient=person,
            subject=f"{subject} ({case.repo.full_name}, request {case.reference})",
            paragraphs=paragraphs,
            act_label="Open the request",
            act_url=f"{settings.BASE_URL}{page}",
            reference=case.reference,
            team=team_of(case.repo),
            now=now,
        )


def tell_overdue(
    case: AccessRequest, people: Iterable[User], *, level: int, stamp: str, now: datetime
) -> None:
    due = whole_date(case.due_at) if case.due_at else ""
    asked = (
        "You administer its team, or it is yours: see to it, or give it to somebody who can."
        if level == 1
        else "It was put before the team’s administrators a week ago. You answer for this model: "
        "you can read the request now, and decide it where they don’t."
    )
    send_to_team(
        case,
        people,
        kind="overdue_team" if level == 1 else "overdue_owners",
        key=f"overdue-{level}-{stamp}",
        subject="A request is overdue",
        paragraphs=[
            f"The answer to request {case.reference} was due on {due}. The applicant has been told "
            "that it is late.",
            asked,
        ],
        now=now,
    )


def tell_stranded(
    case: AccessRequest, people: Iterable[User], *, able: int, quorum: int, now: datetime
) -> None:
    send_to_team(
        case,
        people,
        kind="stranded",
        key=f"stranded-{now:%Y%m%d}",
        subject="Nobody on the team may decide a request",
        paragraphs=[
            f"A decision on request {case.reference} needs {quorum} of the team without a conflict "
            f"of interest, and has {able}.",
            "Add somebody to the team who is free of one. Until then the request waits, and its "
            "due date runs.",
        ],
        now=now,
    )


def tell_unreachable(question: Question, people: Iterable[User], *, now: datetime) -> None:
    case = question.request
    send_to_team(
        case,
        people,
        kind="unreachable",
        key=f"question-{question.pk}-unreachable",
        subject="An applicant doesn’t get our letters",
        paragraphs=[
            f"The question on request {case.reference} is past its deadline, but the last reminder "
            "did not reach the applicant. So the request hasn’t lapsed, and won’t.",
            "Reach the applicant another way, and ask for an address that takes mail.",
        ],
        now=now,
    )

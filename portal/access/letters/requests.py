"""Letters on the way of a request, from its receipt to its end."""

from __future__ import annotations

from datetime import datetime

from portal.access.letters.common import send_about
from portal.access.letters.kinds import KINDS
from portal.access.models import AccessRequest, Question, Screening, ScreeningEntry
from portal.access.refusals import whole_date
from portal.audit.heads import Head

# What an applicant is told of a hit: never the line itself, nor whom it names.
JURISDICTION, LIST = "jurisdiction", "list"


def category_of(screening: Screening) -> str:
    """``jurisdiction``, ``list``, or "" where the check itself failed."""
    kinds = {hit["kind"] for hit in screening.hits}
    if ScreeningEntry.Kind.COUNTRY in kinds:
        return JURISDICTION
    return LIST if kinds else ""


_CATEGORIES = {
    JURISDICTION: "It is about rules on jurisdiction.",
    LIST: "It is about a list that every request is held against.",
    "": "A check that otherwise runs by itself has to be made by hand.",
}


def due_words(access_request: AccessRequest) -> str:
    return whole_date(access_request.due_at) if access_request.due_at else "its due date"


def send_receipt(
    access_request: AccessRequest, *, number: int, head: Head | None, now: datetime
) -> None:
    """With the newest head of the record, so that nobody can say later that it began otherwise."""
    send_about(
        access_request,
        kind="receipt",
        key=f"receipt-{number}",
        subject=KINDS["receipt"].words.subject,
        paragraphs=KINDS["receipt"].words.paragraphs,
        facts={
            "due": due_words(access_request),
            "record": f"{head.words} Keep this line: it shows what our record was." if head else "",
        },
        act_label="See your request",
        now=now,
    )


def send_extra_check(access_request: AccessRequest, screening: Screening, *, now: datetime) -> None:
    send_about(
        access_request,
        kind="extra_check",
        key=f"extra-check-{screening.pk}",
        subject="An extra check, and a new date",
        paragraphs=[
            f"Your request for {access_request.repo.full_name} needs an extra check by a person. "
            f"{_CATEGORIES[category_of(screening)]} Nothing is decided by it.",
            f"You have our answer by {due_words(access_request)}. There is nothing for you to do.",
        ],
        act_label="See your request",
        now=now,
    )


def send_check_done(access_request: AccessRequest, *, now: datetime) -> None:
    number = access_request.submissions.count()
    send_about(
        access_request,
        kind="check_done",
        key=f"check-done-{number}",
        subject="The extra check is done",
        paragraphs=[
            f"The extra check of your request for {access_request.repo.full_name} is done, and the "
            "reviewers have it.",
            f"You have our answer by {due_words(access_request)}.",
        ],
        act_label="See your request",
        now=now,
    )


def send_resumption(access_request: AccessRequest, *, number: int, now: datetime) -> None:
    send_about(
        access_request,
        kind="resumed",
        key=f"resumed-{number}",
        subject="We look at your request again",
        paragraphs=[
            f"Your request for {access_request.repo.full_name} goes on from where it stood.",
            f"You have our answer by {due_words(access_request)}.",
        ],
        act_label="See your request",
        now=now,
    )


def send_appeal(access_request: AccessRequest, *, now: datetime) -> None:
    send_about(
        access_request,
        kind="appeal",
        key="appeal",
        subject="We have your appeal",
        paragraphs=[
            f"Your appeal about {access_request.repo.full_name} arrived. People who didn’t take "
            "the decision look at your request anew.",
            f"You have our answer by {due_words(access_request)}.",
        ],
        act_label="See your request",
        now=now,
    )


def send_question(access_request: AccessRequest, question: Question, *, now: datetime) -> None:
    send_about(
        access_request,
        kind="question",
        key=f"question-{question.pk}",
        subject=KINDS["question"].words.subject,
        paragraphs=KINDS["question"].words.paragraphs,
        facts={"question": question.text},
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

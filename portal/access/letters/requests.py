"""Letters on the way of a request, from its receipt to its end."""

from __future__ import annotations

from datetime import datetime

from portal.access.letters.mailer import letter_key, send_about
from portal.access.models import AccessRequest, Question, Screening, ScreeningEntry
from portal.audit.heads import Head
from portal.formatting import whole_date

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


def about_screening(screening: Screening) -> str:
    """What it is about, in words that give no line away."""
    return _CATEGORIES[category_of(screening)]


def due_words(access_request: AccessRequest) -> str:
    return whole_date(access_request.due_at) if access_request.due_at else "its due date"


def send_receipt(
    access_request: AccessRequest, *, number: int, head: Head | None, now: datetime
) -> None:
    """With the newest head of the record, so that nobody can say later that it began otherwise."""
    record = f"{head.words} Keep this line: it shows what our record was." if head else ""
    send_about(
        access_request,
        kind="receipt",
        key=f"receipt-{number}",
        facts={"due": due_words(access_request), "record": record},
        now=now,
    )


def send_extra_check(access_request: AccessRequest, screening: Screening, *, now: datetime) -> None:
    send_about(
        access_request,
        kind="extra_check",
        key=f"extra-check-{screening.pk}",
        facts={"about": about_screening(screening), "due": due_words(access_request)},
        now=now,
    )


def send_check_done(access_request: AccessRequest, *, now: datetime) -> None:
    number = access_request.submissions.count()
    send_about(
        access_request,
        kind="check_done",
        key=f"check-done-{number}",
        facts={"due": due_words(access_request)},
        now=now,
    )


def send_resumption(access_request: AccessRequest, *, number: int, now: datetime) -> None:
    send_about(
        access_request,
        kind="resumed",
        key=f"resumed-{number}",
        facts={"due": due_words(access_request)},
        now=now,
    )


def send_appeal(access_request: AccessRequest, *, now: datetime) -> None:
    facts = {"due": due_words(access_request)}
    send_about(access_request, kind="appeal", key="appeal", facts=facts, now=now)


def send_question(access_request: AccessRequest, question: Question, *, now: datetime) -> None:
    send_about(
        access_request,
        kind="question",
        key=f"question-{question.pk}",
        facts={"question": question.text},
        act_label="Answer the question",
        due_at=question.undo_until,
        now=now,
    )


def question_key(question: Question) -> str:
    """Name the key under which the letter of this question is queued."""
    return letter_key(question.request, f"question-{question.pk}")


def send_withdrawal(access_request: AccessRequest, *, now: datetime) -> None:
    send_about(access_request, kind="withdrawal", key="withdrawal", now=now)

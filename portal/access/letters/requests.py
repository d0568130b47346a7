"""Letters to an applicant, from the receipt of a request to its end."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.access.letters.mailer import applicant_of, letter_key, send
from portal.access.models import AccessRequest, Question, Screening, ScreeningEntry
from portal.audit.heads import Head
from portal.formatting import whole_date

# An applicant is told the category of a hit, never the line itself nor whom it names.
JURISDICTION, LIST = "jurisdiction", "list"


def category_of(screening: Screening) -> str:
    """Return ``jurisdiction``, ``list``, or "" where the check itself failed."""
    kinds = {hit["kind"] for hit in screening.hits}
    if ScreeningEntry.Kind.COUNTRY in kinds:
        return JURISDICTION
    return LIST if kinds else ""


_CATEGORIES = {
    JURISDICTION: _("It is about rules on jurisdiction."),
    LIST: _("It is about a list that every request is compared with."),
    "": _("A check that is usually automatic has to be made by hand."),
}


def about_screening(screening: Screening) -> str:
    """Say what a check is about, in words that give no line of a list away."""
    return str(_CATEGORIES[category_of(screening)])


def due_words(access_request: AccessRequest) -> str:
    return whole_date(access_request.due_at) if access_request.due_at else gettext("its due date")


def send_receipt(
    access_request: AccessRequest, *, number: int, head: Head | None, now: datetime
) -> None:
    """Confirm that a request arrived.

    The letter quotes the newest head of the audit chain, so that nobody can rebuild the chain later
    without contradicting it.
    """
    send(
        applicant_of(access_request),
        kind="receipt",
        key=f"receipt-{number}",
        facts=lambda: {"due": due_words(access_request), "record": _record(head)},
        now=now,
    )


def _record(head: Head | None) -> str:
    keep = gettext("Keep this line: it proves what our record was.")
    return f"{head.words} {keep}" if head else ""


def send_extra_check(access_request: AccessRequest, screening: Screening, *, now: datetime) -> None:
    send(
        applicant_of(access_request),
        kind="extra_check",
        key=f"extra-check-{screening.pk}",
        facts=lambda: {"about": about_screening(screening), "due": due_words(access_request)},
        now=now,
    )


def send_check_done(access_request: AccessRequest, *, now: datetime) -> None:
    send(
        applicant_of(access_request),
        kind="check_done",
        key=f"check-done-{access_request.submissions.count()}",
        facts=lambda: {"due": due_words(access_request)},
        now=now,
    )


def send_resumption(access_request: AccessRequest, *, number: int, now: datetime) -> None:
    send(
        applicant_of(access_request),
        kind="resumed",
        key=f"resumed-{number}",
        facts=lambda: {"due": due_words(access_request)},
        now=now,
    )


def send_appeal(access_request: AccessRequest, *, now: datetime) -> None:
    send(
        applicant_of(access_request),
        kind="appeal",
        key="appeal",
        facts=lambda: {"due": due_words(access_request)},
        now=now,
    )


def send_question(access_request: AccessRequest, question: Question, *, now: datetime) -> None:
    """Send a reviewer's question once it can no longer be taken back."""
    send(
        applicant_of(access_request).linked(_("Answer the question")),
        kind="question",
        key=f"question-{question.pk}",
        facts=lambda: {"question": question.text},
        due_at=question.undo_until,
        now=now,
    )


def question_key(question: Question) -> str:
    """Return the key under which the letter of this question is queued."""
    return letter_key(question.request, f"question-{question.pk}")


def send_withdrawal(access_request: AccessRequest, *, now: datetime) -> None:
    send(applicant_of(access_request), kind="withdrawal", key="withdrawal", now=now)

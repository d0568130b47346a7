"""Open a closed request again: what must hold first, and what starts over."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.access.errors import AnswersRemoved
from portal.access.models import AccessRequest
from portal.accounts.models import User
from portal.errors import Conflict

RESTARTED = ["closed_at", "due_at", "escalation_level", "escalated_at"]


def require_no_other_open(access_request: AccessRequest) -> None:
    """Raise Conflict if the applicant has another open request here. Locks the applicant's row.

    Beginning a draft takes the same lock, so that the two can't both find the place free.
    """
    User.objects.select_for_update(no_key=True).get(pk=access_request.applicant_id)
    open_requests = AccessRequest.objects.of(access_request.applicant_id).open()
    others = open_requests.filter(repo=access_request.repo_id).exclude(pk=access_request.pk)
    if newer := others.first():
        raise Conflict(
            f"Another request for this model is open: {newer.reference}. Withdraw or discard that "
            "one first."
        )


def require_answers(access_request: AccessRequest) -> None:
    """Raise AnswersRemoved if the answers were erased at the end of their retention time."""
    newest = access_request.submissions.order_by("number").last()
    if newest is not None and not newest.answers:
        raise AnswersRemoved


def restart(access_request: AccessRequest, now: datetime) -> datetime:
    """Make a closed request due like a new one, and not escalated. Return when it is due.

    Sets the fields ``RESTARTED`` without saving them; the caller moves the state.
    """
    access_request.closed_at = None
    due_at = now + timedelta(days=access_request.repo.decision_days)
    access_request.due_at = due_at
    access_request.escalation_level, access_request.escalated_at = 0, None
    return due_at

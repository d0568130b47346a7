"""Do an applicant's act as the state that they see allows it, whatever they aren't told of yet.

While the team may undo a decision or a question, its applicant sees the state before. Were their
acts refused meanwhile, the refusal would tell them; so the act undoes it first, without a word.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from portal.access.errors import BeingDecided
from portal.access.models import AccessRequest, Submission
from portal.access.policy.request_actions import RequestAction
from portal.access.requests.answering import correct_request
from portal.access.requests.routing import withdraw_request
from portal.access.requests.snapshots import corrected, newest_submission
from portal.access.review.decisions.undo import undo_untold
from portal.accounts.models import User


@transaction.atomic
def withdraw_as_shown(*, applicant: User, request_id: int, now: datetime) -> AccessRequest:
    """Withdraw a request that its applicant sees undecided; an untold decision is undone first."""
    undo_untold(applicant=applicant, request_id=request_id, action=RequestAction.WITHDRAW, now=now)
    return withdraw_request(applicant=applicant, request_id=request_id, now=now)


@transaction.atomic
def correct_as_shown(
    *, applicant: User, request_id: int, changes: dict[str, Any], now: datetime
) -> Submission:
    """Correct answers that the applicant sees in review; an untold decision is undone first.

    Where nothing differs, nothing is undone.
    """
    them: dict[str, Any] = {"applicant": applicant, "request_id": request_id, "now": now}
    try:
        return correct_request(changes=changes, **them)
    except BeingDecided:
        newest = newest_submission(AccessRequest.objects.get(pk=request_id))
    if corrected(newest, changes) == newest.answers:
        return newest
    voided = undo_untold(action=RequestAction.CORRECT, **them)
    return correct_request(changes=changes, voided_before=voided, **them)

"""Route a submitted request: into review or into a check, and out again when it is withdrawn."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from portal.access.letters import requests as letters
from portal.access.models import AccessRequest
from portal.access.policy.locks import locked_request
from portal.access.policy.request_actions import RequestAction
from portal.access.requests.snapshots import NewSnapshot
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.outbox.services import cancel_mail

State = AccessRequest.State
EXTRA_CHECK = timedelta(days=7)  # added to the due date while a person clears a screening hit


def route_to_review(access_request: AccessRequest, snapshot: NewSnapshot, now: datetime) -> None:
    """Move the request to review, or hold it for clearance if its screening has a hit.

    A hold adds ``EXTRA_CHECK`` to the due date and queues the mail that says so. The caller saves.
    """
    state = State.IN_REVIEW if snapshot.is_clear else State.HELD
    if access_request.state == state:
        return
    access_request.move_to(state)
    if state == State.HELD and access_request.due_at is not None:
        access_request.due_at += EXTRA_CHECK
        letters.send_extra_check(access_request, snapshot.screening, now=now)


@transaction.atomic
def withdraw_request(*, applicant: User, request_id: int, now: datetime) -> AccessRequest:
    """Close an undecided request for its applicant, who may ask again at any time."""
    access_request = locked_request(applicant, request_id, RequestAction.WITHDRAW, now)
    access_request.move_to(State.WITHDRAWN)
    access_request.closed_at = now
    access_request.save(update_fields=[*AccessRequest.STATE_FIELDS, "closed_at"])
    if question := access_request.questions.open().first():
        cancel_mail(keys=[letters.question_key(question)], now=now)
    letters.send_withdrawal(access_request, now=now)
    record(EventType.REQUEST_WITHDRAWN, actor=applicant, target=access_request, at=now)
    return access_request

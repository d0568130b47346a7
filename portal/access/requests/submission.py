"""Submit a draft with its signature, and withdraw a request before it is decided."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from portal.access.errors import EmailNotVerified, NotSigned
from portal.access.letters import requests as letters
from portal.access.models import AccessRequest
from portal.access.policy.locks import locked_request
from portal.access.policy.request_actions import RequestAction
from portal.access.requests.form.questions import lab_questions, newest_form
from portal.access.requests.form.validation import answer_errors
from portal.access.requests.signing import Signature, store_acceptance
from portal.access.requests.snapshots import NewSnapshot, take_first_snapshot
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.heads import latest_head
from portal.audit.services import record
from portal.catalog.services.licences import require_version_in_force
from portal.errors import FieldErrors
from portal.outbox.services import cancel_mail

State = AccessRequest.State
EXTRA_CHECK = timedelta(days=7)  # added to the due date while a person clears a screening hit


@transaction.atomic
def submit_request(
    *, applicant: User, request_id: int, signature: Signature | None, now: datetime
) -> AccessRequest:
    """Store the draft as the first snapshot with its signature, screen it, and start its review.

    Raise EmailNotVerified, NotSigned, LicenceChanged if the text has changed since it was signed,
    or FieldErrors for answers that don't fit.
    """
    access_request = locked_request(applicant, request_id, RequestAction.SUBMIT, now)
    if not applicant.has_verified_email:
        raise EmailNotVerified
    repo, form = access_request.repo, newest_form(access_request.repo)
    # The pages validated each step as it was typed. Validated again under the lock, since the lab
    # may have changed its questions since, another tab the draft, and API clients skip the steps.
    if errors := answer_errors(access_request.draft, repo, lab_questions(form)):
        raise FieldErrors(errors, inside="answers")  # as ``save_draft`` takes them
    if signature is None:
        raise NotSigned("Sign the licence first; then submit.")
    version = require_version_in_force(repo, now=now)
    acceptance = store_acceptance(signer=applicant, version=version, signature=signature, now=now)
    snapshot = take_first_snapshot(access_request, form=form, acceptance=acceptance, now=now)
    access_request.submitted_at = now
    access_request.due_at = now + timedelta(days=repo.decision_days)
    route_to_review(access_request, snapshot, now)
    access_request.save()
    letters.send_receipt(
        access_request, number=snapshot.submission.number, head=latest_head(now), now=now
    )
    record(
        EventType.REQUEST_SUBMITTED,
        actor=applicant,
        target=access_request,
        at=now,
        licence_sha256=acceptance.text_sha256,
        due_at=access_request.due_at.isoformat(),
        **snapshot.event_data(),
    )
    return access_request


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
    access_request.save(update_fields=["state", "closed_at"])
    if question := access_request.questions.open().first():
        cancel_mail(keys=[letters.question_key(question)], now=now)
    letters.send_withdrawal(access_request, now=now)
    record(EventType.REQUEST_WITHDRAWN, actor=applicant, target=access_request, at=now)
    return access_request

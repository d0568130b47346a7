"""Submit a draft with its signatures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from portal.access.errors import EmailNotVerified
from portal.access.grants.licence_gate import open_by_signatures
from portal.access.letters import requests as letters
from portal.access.letters.team import requests as team
from portal.access.models import AccessRequest
from portal.access.policy.locks import locked_request
from portal.access.policy.request_actions import RequestAction
from portal.access.requests.asked_models import models_to_choose
from portal.access.requests.form.questions import lab_questions, newest_form
from portal.access.requests.form.validation import answer_errors
from portal.access.requests.routing import route_to_review
from portal.access.requests.signing import Signature
from portal.access.requests.snapshots import take_first_snapshot
from portal.access.requests.texts_to_sign import require_acceptances
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.heads import latest_head
from portal.audit.services import record
from portal.errors import FieldErrors


@transaction.atomic
def submit_request(
    *,
    applicant: User,
    request_id: int,
    signatures: Sequence[Signature] = (),
    now: datetime,
) -> AccessRequest:
    """Store the draft as the first snapshot with its signatures, screen it, and start its review.

    ``signatures``: one of each text that the chosen models stand under; one that stands within the
    collection needn't be made again. What a signature alone opens under these texts, opens at once.
    Raise EmailNotVerified, NotSigned, LicenceChanged if a text has changed since it was signed, or
    FieldErrors for answers that don't fit.
    """
    access_request = locked_request(applicant, request_id, RequestAction.SUBMIT, now)
    if not applicant.has_verified_email:
        raise EmailNotVerified
    repo, form = access_request.repo, newest_form(access_request.repo)
    # The pages validated each step as it was typed. Validated again under the lock, since the lab
    # may have changed its questions since, another tab the draft, and API clients skip the steps.
    models = models_to_choose(access_request)
    if errors := answer_errors(access_request.draft, repo, lab_questions(form), models):
        raise FieldErrors(errors, inside="answers")  # as ``save_draft`` takes them
    acceptances = require_acceptances(access_request, signatures, now)
    snapshot = take_first_snapshot(access_request, form=form, acceptances=acceptances, now=now)
    access_request.submitted_at = now
    access_request.due_at = now + timedelta(days=repo.decision_days)
    route_to_review(access_request, snapshot, now)
    access_request.save()
    team.tell_submitted(access_request, now=now)
    letters.send_receipt(
        access_request, number=snapshot.submission.number, head=latest_head(now), now=now
    )
    first, *further = [acceptance.text_sha256 for acceptance in acceptances]
    record(
        EventType.REQUEST_SUBMITTED,
        actor=applicant,
        target=access_request,
        at=now,
        licence_sha256=first,
        due_at=access_request.due_at.isoformat(),
        **({"further_licences": further} if further else {}),
        **snapshot.event_data(),
    )
    open_by_signatures(access_request, acceptances, now)
    return access_request

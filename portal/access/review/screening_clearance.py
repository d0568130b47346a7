"""Clear a request that sanctions screening holds back."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.access.evidence.refreshing import refresh_evidence
from portal.access.grants.checks.clearing import settle
from portal.access.letters import requests as letters
from portal.access.letters.team import requests as team
from portal.access.models import AccessRequest, Question, Screening
from portal.access.policy.locks import locked_request
from portal.access.policy.request_actions import RequestAction
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record


@transaction.atomic
def dispose_screening(*, actor: User, request_id: int, text: str, now: datetime) -> AccessRequest:
    """Clear a held request with a written reason; its review begins.

    The reason settles every hit on the applicant at this model: those of earlier requests, for
    which a later one would be held again, and those for which a grant of theirs is held. A request
    that can't be cleared is declined like any other (``review.decisions``).
    """
    access_request = locked_request(actor, request_id, RequestAction.DISPOSE, now)
    versions = settle(
        access_request.applicant, access_request.repo, actor=actor, text=text, now=now
    )
    access_request.move_to(AccessRequest.State.IN_REVIEW)
    access_request.save(update_fields=["state"])
    refresh_evidence([access_request], now)
    letters.send_check_done(access_request, now=now)
    team.tell_cleared(access_request, actor, now=now)
    record(
        EventType.SCREENING_CLEARED,
        actor=actor,
        target=access_request,
        at=now,
        list_versions=versions,
    )
    return access_request


def hold_unscreened(access_request: AccessRequest, now: datetime) -> bool:
    """Hold an undecided, locked request as one whose screening failed: waiting gives nothing.

    Whoever administers the model clears it, and its team decides anew. For a restore, whose
    database doesn't know how the request was decided. Return False where it is held like that.
    """
    failed = Screening.Outcome.FAILED
    newest = access_request.submissions.order_by("number").last()
    screenings = Screening.objects.filter(submission=newest).exclude(
        outcome=failed, disposed_at=None
    )
    changed = screenings.update(outcome=failed, disposed_by=None, disposed_at=None, disposition="")
    if access_request.state == AccessRequest.State.HELD:
        return bool(changed)
    access_request.questions.open().update(answer=Question.NO_ANSWER, answered_at=now)
    access_request.move_to(AccessRequest.State.HELD)
    access_request.save(update_fields=list(AccessRequest.STATE_FIELDS))
    return True

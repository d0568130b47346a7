"""A declined applicant asks once that people who didn't decide do."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from portal.access.letters import requests as letters
from portal.access.models import AccessRequest, Appeal, Decision
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.locks import locked_request
from portal.access.policy.request_actions import RequestAction
from portal.access.requests.reopening import require_no_other_open
from portal.access.requests.voting import void_votes
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import Conflict
from portal.parsing.texts import require_text


def appealable_until(access_request: AccessRequest) -> datetime | None:
    """The last moment to appeal; None where there is nothing to appeal against, or no more."""
    decision = _decision(access_request)
    if decision is None or Appeal.objects.filter(request=access_request).exists():
        return None
    return decision.decided_at + timedelta(days=settings_of(access_request.repo).appeal_days)


def _decision(access_request: AccessRequest) -> Decision | None:
    """What stands against the applicant."""
    declined = access_request.decisions.filter(verdict=Decision.Verdict.DECLINED, undone_at=None)
    return declined.last() if access_request.state == AccessRequest.State.DECLINED else None


@transaction.atomic
def appeal_request(*, applicant: User, request_id: int, text: str, now: datetime) -> AccessRequest:
    """Put a declined request before others. ``conflicts`` keeps those who decided away from it."""
    access_request = locked_request(applicant, request_id, RequestAction.APPEAL, now)
    require_no_other_open(access_request)
    decision, until = _decision(access_request), appealable_until(access_request)
    if decision is None or until is None:
        raise Conflict("A request is appealed once, and this one was. You may ask anew.")
    if now > until:
        raise Conflict("The time to appeal is over. You may correct your request and ask anew.")
    text = require_text(text, "text", missing="Say what the decision overlooked.")
    Appeal.objects.create(request=access_request, decision=decision, text=text, filed_at=now)
    voided = void_votes(access_request.reviews.all(), "The decision was appealed", now)
    access_request.move_to(AccessRequest.State.IN_REVIEW)
    access_request.closed_at = None
    access_request.due_at = now + timedelta(days=access_request.repo.decision_days)
    access_request.escalation_level, access_request.escalated_at = 0, None
    access_request.save(
        update_fields=["state", "closed_at", "due_at", "escalation_level", "escalated_at"]
    )
    letters.send_appeal(access_request, now=now)
    record(
        EventType.REQUEST_APPEALED,
        actor=applicant,
        target=access_request,
        at=now,
        decision=decision.pk,
        votes_voided=voided,
        due_at=access_request.due_at.isoformat(),
    )
    return access_request

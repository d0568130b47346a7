"""Do what reviewers do, in one line each."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from portal.access.models import AccessRequest, Decision, Grant
from portal.access.review.decisions.deciding import approve_request, decline_request
from portal.accounts.models import User


def approve(case: AccessRequest, reviewer: User, now: datetime, **changed: Any) -> Grant | None:
    terms = {"modes": ["download"], "expires_at": now + timedelta(days=365), **changed}
    return approve_request(reviewer=reviewer, request_id=case.pk, now=now, **terms)


def decline(case: AccessRequest, reviewer: User, now: datetime, **changed: Any) -> Decision | None:
    reason = {"reason_code": "purpose_unclear", "reason_text": "Say which model.", **changed}
    return decline_request(reviewer=reviewer, request_id=case.pk, now=now, **reason)


def escalate(case: AccessRequest, now: datetime) -> AccessRequest:
    """Escalate a case, as the clock does when nobody decides it."""
    AccessRequest.objects.filter(pk=case.pk).update(escalation_level=2, escalated_at=now)
    case.refresh_from_db()
    return case


def owner_of(case: AccessRequest) -> User:
    """Return the publisher of the case's repo."""
    return case.repo.namespace.roles.exclude(user__is_superuser=True).get().user

"""Assess the evidence on waiting requests again, since proofs end by time alone."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from portal.access.evidence.refreshing import refresh_evidence
from portal.access.models import AccessRequest
from portal.access.reminders.timer import Timer, locking

# What is listed as clear is approved in bulk, so it is looked at more often.
CLEAR_FOR, UNCLEAR_FOR = timedelta(hours=1), timedelta(days=1)


def to_assess(now: datetime) -> QuerySet[AccessRequest]:
    """Select undecided requests that were never assessed, or longer ago than a proof may end."""
    is_old = Q(evidence_is_clear=True, evidence_at__lte=now - CLEAR_FOR)
    is_older = Q(evidence_at__lte=now - UNCLEAR_FOR)
    waiting = AccessRequest.objects.undecided().defer("searched")
    return waiting.filter(Q(evidence_at=None) | is_old | is_older)


def assess_again(access_request: AccessRequest, now: datetime) -> bool:
    return bool(refresh_evidence([access_request], now))


TIMERS = (Timer("evidence", to_assess, assess_again, locking("applicant"), batches=4),)

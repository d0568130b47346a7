"""Keep the copy of the assessment by which the queue is filtered and grouped."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import transaction

from portal.access.evidence.assessment import assess
from portal.access.models import AccessRequest

COPIED = ("organization", "evidence_is_clear", "evidence_flags", "evidence_at")


def copy_evidence(requests: Iterable[AccessRequest], now: datetime) -> list[AccessRequest]:
    """Set what the queue knows of the evidence on each request, without saving it.

    Return those whose evidence has changed.
    """
    cases = list(requests)
    assessments = assess(cases, now)
    changed = []
    for case in cases:
        assessment = assessments[case.pk]
        before = (case.organization_id, case.evidence_is_clear, case.evidence_flags)
        case.organization = assessment.organization
        case.evidence_is_clear = assessment.is_clear
        case.evidence_flags = [str(kind) for kind in assessment.kinds]
        case.evidence_at = now
        if before != (case.organization_id, case.evidence_is_clear, case.evidence_flags):
            changed.append(case)
    return changed


def refresh_evidence(requests: Iterable[AccessRequest], now: datetime) -> list[AccessRequest]:
    """Assess requests again and save it. Return those whose evidence has changed."""
    cases = list(requests)
    changed = copy_evidence(cases, now)
    for case in cases:
        case.save(update_fields=COPIED)
    return changed


def refresh_undecided(
    people: Collection[int], now: datetime, *, besides: AccessRequest | None = None
) -> None:
    """Assess the undecided requests of these people again, as something about them has changed.

    A request in somebody's hands is passed over, or two who decide on requests of one person at
    once would wait for each other for ever; the clock assesses it within the hour.
    """
    waiting = AccessRequest.objects.undecided().filter(applicant__in=people).order_by("pk")
    if besides is not None:
        waiting = waiting.exclude(pk=besides.pk)
    with transaction.atomic():
        locked = waiting.select_for_update(of=("self",), skip_locked=True, no_key=True)
        refresh_evidence(locked.defer("searched").select_related("applicant"), now)

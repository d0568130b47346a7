"""A human's word on what the lists have a hit on."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from portal.access.acts import Act
from portal.access.conflicts import require_no_conflict
from portal.access.letters import requests as letters
from portal.access.models import AccessRequest, Screening
from portal.access.services.locking import locked_case
from portal.access.services.snapshots import refresh_evidence
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import ModelRepo
from portal.errors import FieldErrors


@transaction.atomic
def dispose_screening(*, actor: User, request_id: int, text: str, now: datetime) -> AccessRequest:
    """Clear a request that the lists held back: its review begins.

    What can't be cleared is declined, as any other request is: that is ``services.review``'s.
    """
    access_request = locked_case(actor, request_id, Act.DISPOSE)
    require_no_conflict(actor, access_request, now)
    if not text.strip():
        raise FieldErrors({"text": "Say what you looked at, and why it is clear."})
    undisposed = unanswered_here(access_request.applicant, access_request.repo)
    versions = sorted(set(undisposed.values_list("list_version", flat=True)))
    undisposed.update(disposed_by=actor, disposed_at=now, disposition=text.strip())
    access_request.move_to(AccessRequest.State.IN_REVIEW)
    access_request.save(update_fields=["state"])
    refresh_evidence(access_request, now)
    letters.send_check_done(access_request, now=now)
    record(
        EventType.SCREENING_CLEARED,
        actor=actor,
        target=access_request,
        at=now,
        list_versions=versions,
    )
    return access_request


def unanswered_here(person: User, repo: ModelRepo) -> QuerySet[Screening]:
    """What the lists have on this person at this repo, from whatever led to it, that nobody has
    answered: an earlier request's too, which a later one is held for."""
    asked = Q(submission__request__applicant=person, submission__request__repo=repo)
    joining = Q(membership__person=person, membership__grant__repo=repo)
    found: QuerySet[Screening] = Screening.objects.filter(asked | joining, disposed_at=None)
    return found.exclude(outcome=Screening.Outcome.CLEAR)

"""Put a request before somebody higher: note it, and write to them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from portal.access.letters.mailer import NO_FACTS, Facts, reader_of, send
from portal.access.models import AccessRequest, Escalation
from portal.accounts.models import User


def escalate(
    access_request: AccessRequest, reason: Escalation.Reason, level: int, now: datetime
) -> None:
    """Note that a request was put before the administrators (level 1) or the owners (level 2)."""
    Escalation.objects.create(request=access_request, level=level, reason=reason, escalated_at=now)
    access_request.escalation_level = max(access_request.escalation_level, level)
    access_request.escalated_at = now
    access_request.save(update_fields=["escalation_level", "escalated_at"])


def with_assignee(access_request: AccessRequest, people: list[User]) -> list[User]:
    """Return these people and whoever the request is assigned to, each once."""
    open_assignments = access_request.assignments.filter(ended_at=None)
    assignment = open_assignments.select_related("reviewer").first()
    return list(dict.fromkeys([*people, *([assignment.reviewer] if assignment else [])]))


def tell(
    access_request: AccessRequest,
    people: Iterable[User],
    *,
    kind: str,
    key: str,
    facts: Facts = NO_FACTS,
    now: datetime,
) -> None:
    """Write to people of the lab about a request."""
    for person in people:
        address = reader_of(access_request, person)
        send(address, kind=kind, key=f"{key}-to-{person.pk}", facts=facts, now=now)

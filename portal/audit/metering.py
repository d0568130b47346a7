"""Limit how often one person may append to the record, which nobody may shorten.

Only events that a person makes at will are bounded here. Decisions, signatures and the like are
bounded by what they are about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.audit.errors import TooManyEvents
from portal.audit.events import EventType
from portal.audit.models import AuditEvent

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Bound:
    """A limit of ``events`` within an hour; ``what`` is their plural in words."""

    events: int
    what: str


BOUNDS = {
    EventType.BUNDLE_MADE: Bound(60, "bundles of evidence"),
    EventType.EXPORT_MADE: Bound(60, "exports"),
    EventType.LINK_MINTED: Bound(20_000, "download links"),
    EventType.NAME_CHANGED: Bound(30, "changes of your name"),
    EventType.OWN_DATA_EXPORTED: Bound(6, "exports of your data"),
    EventType.REQUEST_NOTED: Bound(200, "notes"),
    EventType.TOKEN_ISSUED: Bound(60, "tokens"),
}


def require_rate(event_type: EventType, actor_id: int | None, now: datetime) -> None:
    """Raise TooManyEvents where this person has appended as many of these as an hour allows.

    Events without an actor are the portal's own. Two requests at once may pass by one: the bound
    keeps the record from being filled, and is no budget.
    """
    bound = BOUNDS.get(event_type)
    if bound is None or actor_id is None:
        return
    recent = AuditEvent.objects.filter(actor=actor_id, type=event_type, at__gt=now - HOUR)
    oldest = recent.order_by("-at").values_list("at", flat=True)[bound.events - 1 : bound.events]
    for at in oldest:
        raise TooManyEvents(bound.what, bound.events, at + HOUR - now)

"""Count what an installation has, table by table, for whoever generated it."""

from __future__ import annotations

from portal.access.models import AccessRequest, Grant, Hold, Membership, Renewal
from portal.accounts.models import AccessToken, User
from portal.audit.models import AuditEvent
from portal.delivery.models import Download
from portal.jobs.models import Job
from portal.outbox.models import OutboxMessage

COUNTED = {
    "people": User,
    "requests": AccessRequest,
    "grants": Grant,
    "renewals": Renewal,
    "members": Membership,
    "holds": Hold,
    "tokens": AccessToken,
    "downloads": Download,
    "jobs": Job,
    "letters": OutboxMessage,
    "events": AuditEvent,
}


def figures() -> dict[str, int]:
    """Return the number of rows of each kind, and of the requests in each state."""
    counts = {name: model._default_manager.count() for name, model in COUNTED.items()}
    states = AccessRequest.objects.order_by("state").values_list("state", flat=True)
    for state in states:
        name = f"requests {state}"
        counts[name] = counts.get(name, 0) + 1
    return counts

"""Suspend all access of a restored database, and resume it once an operator has looked."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.access.models import AccessSuspension
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import Conflict
from portal.parsing.texts import require_text


@transaction.atomic
def suspend_access(*, reason: str, now: datetime) -> AccessSuspension:
    """Stop all access that isn't open to everybody. Again changes nothing."""
    standing = AccessSuspension.objects.standing().select_for_update(no_key=True).first()
    if standing is not None:
        return standing
    reason = require_text(reason, "reason", missing="Say why; operators read it.")
    suspension = AccessSuspension.objects.create(reason=reason, placed_at=now)
    record(EventType.ACCESS_SUSPENDED, actor=None, target=suspension, at=now, reason=reason)
    return suspension


@transaction.atomic
def resume_access(*, reason: str, now: datetime) -> AccessSuspension:
    """Lift the suspension of all access. Raise Conflict where there is none."""
    suspension = AccessSuspension.objects.standing().select_for_update(no_key=True).first()
    if suspension is None:
        raise Conflict("Access isn’t suspended. Nothing was changed.")
    missing = "Say what you looked at; the record keeps it."
    suspension.lift_reason = require_text(reason, "reason", missing=missing)
    suspension.lifted_at = now
    suspension.save(update_fields=["lift_reason", "lifted_at"])
    record(
        EventType.ACCESS_RESUMED,
        actor=None,
        target=suspension,
        at=now,
        reason=suspension.lift_reason,
    )
    return suspension

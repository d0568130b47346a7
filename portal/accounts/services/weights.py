"""Set how large an organization's share of hosted inference is, beside the others'."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.accounts.models import Organization, User
from portal.accounts.operating import require_operator
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import FieldErrors

MOST_WEIGHT = 100


@transaction.atomic
def set_organization_weight(
    *, actor: User, organization: Organization, weight: int, now: datetime
) -> bool:
    """Set an organization's weight; jobs that wait are shared by it too.

    Return False, changing nothing, where it has that weight. Raises Forbidden, FieldErrors.
    """
    require_operator(actor, "set weights")
    if not 1 <= weight <= MOST_WEIGHT:
        raise FieldErrors({"weight": f"Give a whole number from 1 to {MOST_WEIGHT}."})
    organization = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    before, organization.weight = organization.weight, weight
    if weight == before:
        return False
    organization.save(update_fields=["weight"])
    record(
        EventType.ORGANIZATION_WEIGHED,
        actor=actor,
        target=organization,
        at=now,
        weight=weight,
        before=before,
    )
    return True

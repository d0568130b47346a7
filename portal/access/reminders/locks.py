"""Lock what stands under a grant as every act on it does: the line of the grant comes first."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from portal.access.grants.locks import lock_grant
from portal.access.models import Grant, Membership


def lock_grant_by_line(due: QuerySet[Any], pk: int) -> Grant | None:
    """Lock a grant after its line, and return it if it is due still."""
    grant = lock_grant(pk)
    return grant if grant is not None and due.filter(pk=pk).exists() else None


def lock_membership(due: QuerySet[Any], pk: int) -> Membership | None:
    """Lock a membership after its grant, and return it if it is due still."""
    # Read without a lock first, only to know whose line to lock; asked again once it is locked.
    due_before = due.filter(pk=pk).first()
    grant = lock_grant(due_before.grant_id) if due_before else None
    locked = due.select_for_update(of=("self",), no_key=True).filter(pk=pk)
    related = ("person", "organization", "acceptance")
    membership: Membership | None = locked.select_related(*related).first()
    if membership is None or grant is None:
        return None
    membership.grant = grant
    return membership

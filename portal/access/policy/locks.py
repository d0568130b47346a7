"""Taking hold of a case: locked, and only for who may do this to it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from portal.access.errors import ConflictOfInterest, RequestNotFound
from portal.access.models import AccessRequest
from portal.access.policy.conflicts import WORDS, Conflict, conflicts_of
from portal.access.policy.request_actions import Act, require_act
from portal.accounts.models import User

# Who took the decision before may look at it again; the rest may touch it in no role.
PERSONAL = tuple(each for each in Conflict if each != Conflict.DECIDED_BEFORE)


def locked_case(person: User, request_id: int, act: Act) -> AccessRequest:
    """The request, locked until the transaction ends. A draft is its applicant's alone."""
    locked = AccessRequest.objects.select_for_update(of=("self",))
    case = locked.select_related("repo__namespace", "applicant").filter(pk=request_id).first()
    is_draft = case is not None and case.state == AccessRequest.State.DRAFT
    if case is None or (is_draft and case.applicant_id != person.pk):
        raise RequestNotFound
    require_act(person, case, act)
    return case


def require_none_of(
    conflicts: Collection[Conflict], person: User, access_request: AccessRequest, now: datetime
) -> None:
    """Raises ConflictOfInterest, in the words of the first of these that the person has."""
    found = conflicts_of([person], access_request, now)[person.pk]
    for conflict in Conflict:
        if conflict in found and conflict in conflicts:
            raise ConflictOfInterest(WORDS[conflict])

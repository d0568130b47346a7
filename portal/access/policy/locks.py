"""Lock a request for somebody who may do this act to it."""

from __future__ import annotations

from datetime import datetime

from portal.access.errors import RequestNotFound
from portal.access.models import AccessRequest
from portal.access.policy.request_actions import RequestAction, require_action
from portal.accounts.models import User


def locked_case(
    person: User, request_id: int, action: RequestAction, now: datetime
) -> AccessRequest:
    """Lock the request until the transaction ends, and ask the table of acts about it.

    Raises what ``require_action`` does, and RequestNotFound to all but its applicant for a draft.
    """
    locked = AccessRequest.objects.select_for_update(of=("self",))
    case = locked.select_related("repo__namespace", "applicant").filter(pk=request_id).first()
    is_draft = case is not None and case.state == AccessRequest.State.DRAFT
    if case is None or (is_draft and case.applicant_id != person.pk):
        raise RequestNotFound
    require_action(person, case, action, now)
    return case

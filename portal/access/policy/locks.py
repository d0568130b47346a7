"""Lock a request for somebody who has permission to change it."""

from __future__ import annotations

from datetime import datetime

from portal.access.errors import RequestNotFound
from portal.access.models import AccessRequest
from portal.access.policy.request_actions import RequestAction, require_action
from portal.accounts.models import User


def locked_request(
    person: User, request_id: int, action: RequestAction, now: datetime
) -> AccessRequest:
    """Lock a request until the transaction ends, once the person has permission for the action.

    The permission is asked under the lock, so that two people who decide at once don't both find
    the request undecided. Raise what ``require_action`` does; RequestNotFound to all but the
    applicant for a draft.
    """
    requests = AccessRequest.objects.select_for_update(of=("self",), no_key=True)
    related = requests.select_related("repo__namespace", "collection__lead", "applicant")
    access_request = related.filter(pk=request_id).first()
    is_draft = access_request is not None and access_request.state == AccessRequest.State.DRAFT
    if access_request is None or (is_draft and access_request.applicant_id != person.pk):
        raise RequestNotFound
    require_action(person, access_request, action, now)
    return access_request

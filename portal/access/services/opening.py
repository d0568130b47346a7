"""One open request per person and repo, also where a closed one is opened again."""

from __future__ import annotations

from portal.access.models import AccessRequest
from portal.accounts.models import User
from portal.errors import Conflict


def require_no_other_open(access_request: AccessRequest) -> None:
    """Before a closed request is opened again. Locks the applicant, as beginning a draft does."""
    User.objects.select_for_update().get(pk=access_request.applicant_id)
    theirs = AccessRequest.objects.of(access_request.applicant_id).open()
    other = theirs.filter(repo=access_request.repo_id).exclude(pk=access_request.pk).first()
    if other is not None:
        raise Conflict(
            f"Another request for this model is open: {other.reference}. Withdraw or discard that "
            "one first."
        )

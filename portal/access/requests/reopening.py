"""What must hold before a closed request is opened again."""

from __future__ import annotations

from portal.access.errors import AnswersRemoved
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


def require_answers(access_request: AccessRequest) -> None:
    """Without its answers there is nothing to review: they are removed once their time is over."""
    newest = access_request.submissions.order_by("number").last()
    if newest is not None and not newest.answers:
        raise AnswersRemoved

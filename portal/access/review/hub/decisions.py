"""The Hub’s words for a decision, accepted, pending and rejected, as the gate’s own acts.

Each is the pages’ act with its defaults: the modes asked for, the usual length, the reason that
stands for none.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from portal.access.errors import AlreadyThere, HasAccess, NothingAsked, RequestNotFound
from portal.access.grants.ending.revocation import revoke_grant
from portal.access.grants.offers import offer_grant
from portal.access.models import AccessRequest, Decision
from portal.access.policy.gate_settings import settings_of
from portal.access.requests.form.questions import requestable_modes
from portal.access.review.decisions.deciding import approve_request, decline_request
from portal.access.review.decisions.undo import reopen_request
from portal.access.review.hub.lists import (
    HubAccessStatus,
    hub_status_of,
    latest_request,
    standing_grants,
)
from portal.accounts.models import User
from portal.catalog.models import Gate, Mode, ModelRepo
from portal.errors import Conflict, Forbidden
from portal.parsing.texts import require_text

NO_REASON = (
    "The team gave no further reason. You may correct your request and ask again, or answer this "
    "letter."
)
TAKEN_BACK = "The team put your request back into review."


@transaction.atomic
def move_request(
    *,
    actor: User,
    repo: ModelRepo,
    user: User,
    to: HubAccessStatus,
    now: datetime,
    reason: str = "",
) -> bool:
    """Put a person on another of the three lists. False while votes are missing.

    Raises NothingAsked or AlreadyThere; and whatever the pages’ act raises.
    """
    access_request, standing = latest_request(repo, user), hub_status_of(repo, user, now)
    if access_request is None and standing is None:
        raise NothingAsked(user.username, repo.full_name)
    if standing != HubAccessStatus.ACCEPTED:
        _require_readable(actor, access_request)
    if standing == to:
        raise AlreadyThere(user.username, to)
    if standing != HubAccessStatus.PENDING:
        _take_back(actor, repo, user, access_request, now)
    if access_request is None or to == HubAccessStatus.PENDING:
        return True
    if to == HubAccessStatus.ACCEPTED:
        return _approve(actor, access_request, now)
    return _decline(actor, access_request, reason, now)


@transaction.atomic
def grant_access(*, actor: User, repo: ModelRepo, user: User, now: datetime) -> bool:
    """Give access to who asked, or offer it to who didn’t: it opens once they have signed.

    False while votes are missing. Raises HasAccess.
    """
    standing, access_request = hub_status_of(repo, user, now), latest_request(repo, user)
    if standing == HubAccessStatus.ACCEPTED:
        raise HasAccess(user.username, repo.full_name)
    if standing == HubAccessStatus.PENDING and access_request is not None:
        if not _may_read(actor, access_request):
            raise Forbidden(f"{user.username} has asked, and the review team decides.")
        return _approve(actor, access_request, now)
    offer = offer_grant(
        actor=actor,
        person_id=user.pk,
        repo_id=repo.pk,
        modes=[str(mode) for mode in Mode if repo.gate(mode) != Gate.OPEN],
        expires_at=_usual_end(now),
        now=now,
    )
    return offer is not None


def _may_read(actor: User, access_request: AccessRequest) -> bool:
    return AccessRequest.objects.readable_by(actor).filter(pk=access_request.pk).exists()


def _require_readable(actor: User, access_request: AccessRequest | None) -> None:
    """An owner who is on no team learns of a request only once it is put before them."""
    if access_request is not None and not _may_read(actor, access_request):
        raise RequestNotFound


def _usual_end(now: datetime) -> datetime:
    return now + timedelta(days=settings.GRANT_DAYS)


def _take_back(
    actor: User, repo: ModelRepo, user: User, access_request: AccessRequest | None, now: datetime
) -> None:
    """What was decided is open again, and every access ends, whatever it rests on."""
    given = standing_grants(repo, now).filter(person=user)
    if settings_of(repo).two_person_revocation and given.exists():
        raise Conflict("Ending an access takes two people here. End it on the grant’s page first.")
    if access_request is not None and access_request.state not in AccessRequest.UNDECIDED_STATES:
        reopen_request(actor=actor, request_id=access_request.pk, reason=TAKEN_BACK, now=now)
    for grant_id in list(given.order_by("pk").values_list("pk", flat=True)):
        revoke_grant(actor=actor, grant_id=grant_id, reason=TAKEN_BACK, now=now)


def _approve(actor: User, access_request: AccessRequest, now: datetime) -> bool:
    offered = [str(mode) for mode in requestable_modes(access_request.repo)]
    asked = access_request.submissions.latest("number").answers.get("modes") or []
    modes = [mode for mode in offered if mode in asked] or offered
    grant = approve_request(
        reviewer=actor,
        request_id=access_request.pk,
        modes=modes,
        expires_at=_usual_end(now),
        now=now,
    )
    return grant is not None


def _decline(actor: User, access_request: AccessRequest, reason: str, now: datetime) -> bool:
    decision = decline_request(
        reviewer=actor,
        request_id=access_request.pk,
        reason_code=Decision.Reason.UNSPECIFIED,
        reason_text=require_text(reason, "reason") or NO_REASON,
        now=now,
    )
    return decision is not None

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
    person: User,
    to: HubAccessStatus,
    now: datetime,
    reason: str = "",
) -> bool:
    """Put a person on another of the three lists. False while votes are missing.

    Raises NothingAsked or AlreadyThere; and whatever the pages’ act raises.
    """
    request, standing = latest_request(repo, person), hub_status_of(repo, person, now)
    if request is None and standing is None:
        raise NothingAsked(person.username, repo.full_name)
    if standing != HubAccessStatus.ACCEPTED:
        _require_readable(actor, request)
    if standing == to:
        raise AlreadyThere(person.username, to)
    if standing != HubAccessStatus.PENDING:
        _take_back(actor, repo, person, request, now)
    if request is None or to == HubAccessStatus.PENDING:
        return True
    if to == HubAccessStatus.ACCEPTED:
        return _approve(actor, request, now)
    return _decline(actor, request, reason, now)


@transaction.atomic
def grant_person(*, actor: User, repo: ModelRepo, person: User, now: datetime) -> bool:
    """Give access to who asked, or offer it to who didn’t: it opens once they have signed.

    False while votes are missing. Raises HasAccess.
    """
    standing, request = hub_status_of(repo, person, now), latest_request(repo, person)
    if standing == HubAccessStatus.ACCEPTED:
        raise HasAccess(person.username, repo.full_name)
    if standing == HubAccessStatus.PENDING and request is not None:
        if not _may_read(actor, request):
            raise Forbidden(f"{person.username} has asked, and the review team decides.")
        return _approve(actor, request, now)
    offer = offer_grant(
        actor=actor,
        person_id=person.pk,
        repo_id=repo.pk,
        modes=[str(mode) for mode in Mode if repo.gate(mode) != Gate.OPEN],
        expires_at=_usual_end(now),
        now=now,
    )
    return offer is not None


def _may_read(actor: User, request: AccessRequest) -> bool:
    return AccessRequest.objects.readable_by(actor).filter(pk=request.pk).exists()


def _require_readable(actor: User, request: AccessRequest | None) -> None:
    """An owner who is on no team learns of a request only once it is put before them."""
    if request is not None and not _may_read(actor, request):
        raise RequestNotFound


def _usual_end(now: datetime) -> datetime:
    return now + timedelta(days=settings.GRANT_DAYS)


def _take_back(
    actor: User, repo: ModelRepo, person: User, request: AccessRequest | None, now: datetime
) -> None:
    """What was decided is open again, and every access ends, whatever it rests on."""
    given = standing_grants(repo, now).filter(person=person)
    if settings_of(repo).two_person_revocation and given.exists():
        raise Conflict("Ending an access takes two people here. End it on the grant’s page first.")
    if request is not None and request.state not in AccessRequest.UNDECIDED_STATES:
        reopen_request(actor=actor, request_id=request.pk, reason=TAKEN_BACK, now=now)
    for grant_id in list(given.order_by("pk").values_list("pk", flat=True)):
        revoke_grant(actor=actor, grant_id=grant_id, reason=TAKEN_BACK, now=now)


def _approve(actor: User, request: AccessRequest, now: datetime) -> bool:
    offered = [str(mode) for mode in requestable_modes(request.repo)]
    asked = request.submissions.latest("number").answers.get("modes") or []
    modes = [mode for mode in offered if mode in asked] or offered
    grant = approve_request(
        reviewer=actor, request_id=request.pk, modes=modes, expires_at=_usual_end(now), now=now
    )
    return grant is not None


def _decline(actor: User, request: AccessRequest, reason: str, now: datetime) -> bool:
    decision = decline_request(
        reviewer=actor,
        request_id=request.pk,
        reason_code=Decision.Reason.UNSPECIFIED,
        reason_text=require_text(reason, "reason") or NO_REASON,
        now=now,
    )
    return decision is not None

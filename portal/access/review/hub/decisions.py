"""Carry out the Hub protocol’s decisions: accepted, pending and rejected.

Each is the act of a reviewer’s page with default values, since the protocol sends none: the modes
that were asked for, the usual length of a grant, and the team's own words where no reason came. The
protocol knows no undo either: the applicant is told at once, and what is given opens at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from portal.access.errors import AlreadyThere, HasAccess, NothingAsked, RequestNotFound
from portal.access.grants.collections.ending import end_coverage
from portal.access.grants.ending.revocation import revoke_grant
from portal.access.grants.offers import offer_grant
from portal.access.letters.decisions import words_without_a_reason
from portal.access.models import AccessRequest, Decision
from portal.access.policy.covered import covered_repos
from portal.access.policy.gate_settings import settings_of
from portal.access.requests.asked_models import models_asked_for, modes_of
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

TAKEN_BACK = "The team put your request back into review."
ENDED = "The team ended your access to this model."
ONE_OF_SEVERAL = (
    "{} was decided with other models of its collection, so it can’t wait for a decision alone. "
    "Reject it to end the access to it, or reopen the whole request on its page."
)


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
    """Move a user to another of the three lists. Return False while votes are missing.

    What was decided before is taken back first, with every grant. Raise NothingAsked if there is
    nothing to move, AlreadyThere if the user is on that list, and what the pages’ act raises.
    """
    access_request, status = latest_request(repo, user), hub_status_of(repo, user, now)
    if access_request is None and status is None:
        raise NothingAsked(user.username, repo.full_name)
    if status != HubAccessStatus.ACCEPTED:
        _require_readable(actor, access_request)
    # After the check above, so that nobody learns a status from the refusal to change it.
    if status == to:
        raise AlreadyThere(user.username, to)
    ended_because = require_text(reason, "reason") or ENDED
    if status == HubAccessStatus.ACCEPTED and access_request and _is_of_several(access_request):
        # The call is about one model: the decision on the others of its collection stands.
        if to == HubAccessStatus.PENDING:
            raise Conflict(
                ONE_OF_SEVERAL.format(repo.full_name),
                help_url=reverse("access:case", args=[access_request.pk]),
            )
        _end_grants(actor, repo, user, ended_because, now)
        return True
    # From one decided list to the other, the first decision is taken back: the gate knows no such
    # step, and the record should show both.
    if status != HubAccessStatus.PENDING:
        _take_back(actor, repo, user, access_request, ended_because, now)
    if access_request is None or to == HubAccessStatus.PENDING:
        return True
    if to == HubAccessStatus.ACCEPTED:
        return _approve(actor, access_request, now)
    return _decline(actor, access_request, reason, now)


@transaction.atomic
def grant_access(*, actor: User, repo: ModelRepo, user: User, now: datetime) -> bool:
    """Approve the user’s pending request, or offer access to a user who didn’t ask.

    Return False while votes are missing. An offer opens the model once it is signed. Raise
    HasAccess if the user has access already.
    """
    status, access_request = hub_status_of(repo, user, now), latest_request(repo, user)
    if status == HubAccessStatus.ACCEPTED:
        raise HasAccess(user.username, repo.full_name)
    if status == HubAccessStatus.PENDING and access_request is not None:
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
    """Raise RequestNotFound if there is a request that the actor may not read.

    An owner who isn’t on the team reads a request only once it was escalated to them.
    """
    if access_request is not None and not _may_read(actor, access_request):
        raise RequestNotFound


def _usual_end(now: datetime) -> datetime:
    return now + timedelta(days=settings.GRANT_DAYS)


def _is_of_several(access_request: AccessRequest) -> bool:
    return len(models_asked_for(access_request)) > 1


def _take_back(
    actor: User,
    repo: ModelRepo,
    user: User,
    access_request: AccessRequest | None,
    reason: str,
    now: datetime,
) -> None:
    """Reopen the decided request and end every grant, those of no request for this reason."""
    grants = standing_grants(repo, now).filter(person=user)
    if settings_of(repo).two_person_revocation and grants.exists():
        raise Conflict("Ending an access takes two people here. End it on the grant’s page first.")
    if access_request is not None and access_request.state not in AccessRequest.UNDECIDED_STATES:
        reopen_request(actor=actor, request_id=access_request.pk, reason=TAKEN_BACK, now=now)
    _end_grants(actor, repo, user, reason, now)


def _end_grants(actor: User, repo: ModelRepo, user: User, reason: str, now: datetime) -> None:
    """End a user's grants; of one that opens other models of a collection, this model alone."""
    grants = standing_grants(repo, now).filter(person=user).order_by("pk")
    for grant in list(grants.select_related("repo__namespace")):
        key = grant.pk
        if len(covered_repos(grant)) > 1:
            end_coverage(actor=actor, grant_id=key, repo_id=repo.pk, reason=reason, now=now)
        else:
            revoke_grant(actor=actor, grant_id=key, reason=reason, now=now)


def _approve(actor: User, access_request: AccessRequest, now: datetime) -> bool:
    offered = [str(mode) for mode in modes_of(models_asked_for(access_request))]
    requested = access_request.submissions.latest("number").answers.get("modes") or []
    # The gate may have changed since the request; then nothing that was asked for can be given.
    modes = [mode for mode in offered if mode in requested] or offered
    grant = approve_request(
        reviewer=actor,
        request_id=access_request.pk,
        modes=modes,
        expires_at=_usual_end(now),
        is_undoable=False,
        now=now,
    )
    return grant is not None


def _decline(actor: User, access_request: AccessRequest, reason: str, now: datetime) -> bool:
    decision = decline_request(
        reviewer=actor,
        request_id=access_request.pk,
        reason_code=Decision.Reason.UNSPECIFIED,
        reason_text=require_text(reason, "reason") or words_without_a_reason(access_request),
        is_undoable=False,
        now=now,
    )
    return decision is not None

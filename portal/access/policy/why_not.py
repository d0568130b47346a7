"""Explain why a person without an active grant has no permission, and what helps."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.urls import reverse

from portal.access import lifecycle
from portal.access.lifecycle import Status
from portal.access.models import (
    AccessRequest,
    Coverage,
    GateSettings,
    Grant,
    Membership,
    Screening,
)
from portal.access.policy.covered import licensed_repo
from portal.access.policy.permissions import (
    TEXT_ONLY_WHILE_WAITING,
    Action,
    Limits,
    Permission,
    Reason,
    refuse,
)
from portal.access.querysets import GrantQuerySet
from portal.accounts.affiliations import is_affiliated
from portal.accounts.models import User
from portal.catalog.models import Gate, Mode, ModelRepo
from portal.catalog.models.repos import modes_in_words
from portal.catalog.services.licences import version_in_force

State = AccessRequest.State
UNDECIDED = {
    State.HELD: Reason.PENDING,
    State.IN_REVIEW: Reason.PENDING,
    State.NEEDS_INFO: Reason.QUESTION,
}
ENDED = {
    Status.REVOKED: Reason.REVOKED,
    Status.TAKEN_BACK: Reason.REVOKED,
    Status.ENDED_BY_NOTICE: Reason.REVOKED,
    Status.CLOSED: Reason.CLOSED,
    Status.EXPIRED: Reason.EXPIRED,
}
CLOSED = {State.DECLINED: Reason.DECLINED, State.LAPSED: Reason.LAPSED}


def while_waiting(
    person: User, action: Action, repo: ModelRepo, now: datetime
) -> Permission | None:
    """Allow an applicant who has signed, is proved and screened some tokens a day while they wait.

    Return None where the repo's gate gives none, or something of this is missing. It covers hosted
    inference alone: logits and activations wait for the decision, as the refusal of them says.
    """
    if action == Action.DOWNLOAD or repo.gate(Mode.INFERENCE) != Gate.REVIEW:
        return None
    gate = GateSettings.objects.filter(repo=repo, waiting_tokens_per_day__gt=0).first()
    request = _clear_request(person, repo, now) if gate is not None else None
    if gate is None or request is None or not is_affiliated(person, now):
        return None
    latest = Grant.objects.to(person, repo).told(now).order_by("-pk").first()
    if latest is not None and lifecycle.is_revoked(latest):
        return None  # otherwise asking anew would open again what the lab ended
    if _ended_by_the_lab(person, repo, latest):
        return None
    if action in (Action.SCORE, Action.CAPTURE):
        return refuse(Reason.CONDITION, _page(request), condition=str(TEXT_ONLY_WHILE_WAITING))
    return Permission(allowed=True, limits=Limits(tokens_per_day=gate.waiting_tokens_per_day))


def _clear_request(person: User, repo: ModelRepo, now: datetime) -> AccessRequest | None:
    """Return the person's open request if it has passed the screening. Held requests haven't."""
    here = AccessRequest.objects.of(person).asking_for(repo)
    request = here.shown_in((State.IN_REVIEW, State.NEEDS_INFO), now).first()
    screening = Screening.objects.filter(submission__request=request).last() if request else None
    return request if screening is not None and screening.is_clear else None


def why_not(person: User, repo: ModelRepo, mode: Mode, now: datetime) -> Permission:
    """Return the refusal that helps this person on: what waits for them, before what has ended.

    The order is that of their next step. What the team or they themselves have yet to do (a check,
    an offer, an invitation, a request under review) comes before a grant that is over, since that
    would send them to ask for what is already on its way.
    """
    if check := _checked(person, repo, mode, now):
        return check
    if offer := Grant.objects.filter(person=person).opening(repo, mode).offered_at(now).first():
        page = reverse("access:offer", args=[offer.pk])
        return refuse(Reason.OFFERED, page, offer.offer_expires_at)
    if invitation := _invitation(person, repo, mode, now):
        return refuse(Reason.INVITED, reverse("access:join", args=[invitation.pk]))
    if repo.gate(mode) == Gate.LICENCE:
        return _unsigned(person, repo, mode, now)
    request = AccessRequest.objects.of(person).submitted().asking_for(repo).first()
    state = request.state_shown(now) if request is not None else None
    if request is not None and state in UNDECIDED:
        return refuse(UNDECIDED[state], _page(request), request.due_at)
    grant = _usable_grants(person, repo, now).signed().first()
    if ended := _ended_by_the_lab(person, repo, grant):
        return ended
    if grant is not None:
        renewal = reverse("access:grant", args=[grant.pk])
        return _over(person, grant, _start(repo), now, renewal=renewal)
    if request is not None and state in CLOSED:
        return refuse(CLOSED[state], _page(request), request.closed_at)
    return refuse(Reason.NO_REQUEST, _start(repo))


def _checked(person: User, repo: ModelRepo, mode: Mode, now: datetime) -> Permission | None:
    """Refuse with the due date of a check, where the team has yet to clear a screening hit."""
    own = Grant.objects.told(now).filter(person=person)
    own = own.opening(repo, mode).held_for_check(now)
    if grant := own.first():
        page = reverse("access:grant", args=[grant.pk])
        return refuse(Reason.CHECKED, page, _due(grant.screenings))
    memberships = Membership.objects.held().filter(person=person)
    working = Grant.objects.opening(repo, mode)
    within = working.active_at(now) | working.held_for_check(now)
    if membership := memberships.filter(grant__in=within).first():
        return refuse(Reason.CHECKED, reverse("site:access"), _due(membership.screenings))
    return None


def _invitation(person: User, repo: ModelRepo, mode: Mode, now: datetime) -> Membership | None:
    working = Grant.objects.opening(repo, mode).active_at(now)
    return Membership.objects.waiting_for(person).filter(grant__in=working).first()


def _due(screenings: Any) -> datetime | None:
    newest = screenings.unanswered().order_by("pk").last()
    return newest.due_at if newest else None


def _usable_grants(person: User, repo: ModelRepo, now: datetime) -> GrantQuerySet[Grant]:
    return Grant.objects.usable_by(person, repo).told(now)


def _page(request: AccessRequest) -> str:
    return reverse("access:request", args=[request.pk])


def _unsigned(person: User, repo: ModelRepo, mode: Mode, now: datetime) -> Permission:
    """Refuse at the licence gate: a signature is enough there, so requests don't count."""
    page = reverse("access:sign", args=[repo.namespace.name, repo.name])
    grant = _usable_grants(person, repo, now).opening(repo, mode).signed_or_revoked().first()
    if ended := _ended_by_the_lab(person, repo, grant):
        return ended
    return refuse(Reason.SIGN, page) if grant is None else _over(person, grant, page, now)


def _ended_by_the_lab(person: User, repo: ModelRepo, grant: Grant | None) -> Permission | None:
    """Refuse where the lab ended this model alone, under a grant that is newer than ``grant``."""
    ended = Coverage.objects.ended_for(person, repo).first()
    if ended is None or (grant is not None and grant.pk > ended.grant_id):
        return None
    page = reverse("access:grant", args=[ended.grant_id])
    return refuse(Reason.REVOKED, page, ended.ended_at)


def _over(person: User, grant: Grant, page: str, now: datetime, *, renewal: str = "") -> Permission:
    """Refuse by how a grant ended; one that hasn't ended is for another mode of use.

    ``page`` is where to go next; ``renewal``, if given, where an expired grant is renewed.
    """
    end = lifecycle.end_of(grant, now)
    if end is None:
        modes = modes_in_words(grant.modes)
        return refuse(Reason.MODE, page, grant.starts_at, condition=modes)
    if end.cause == Status.EXPIRED:
        page = renewal or page
    elif end.cause == Status.ENDED_BY_NOTICE and _may_sign_newer(person, grant, now):
        return refuse(Reason.SIGN, reverse("access:newer", args=[grant.pk]))
    return refuse(ENDED[end.cause], page, end.at)


def _may_sign_newer(person: User, grant: Grant, now: datetime) -> bool:
    """Tell whether the holder can sign a newer licence text and keep access until the term ends."""
    signed = grant.acceptance.licence_version_id if grant.acceptance else None
    in_force = version_in_force(licensed_repo(grant), now)
    is_newer = in_force is not None and in_force.pk != signed
    return grant.person_id == person.pk and is_newer and lifecycle.is_within_term(grant, now)


def _start(repo: ModelRepo) -> str:
    return reverse("access:start", args=[repo.namespace.name, repo.name])

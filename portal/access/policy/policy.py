"""Permissions: the rule of who may do what to a model, which pages, APIs and workers all ask.

``may`` is that rule. Nothing outside access reads a request's state, a grant's interval or a hold.
``policy.why_not`` says why a person has no permission, ``policy.request_actions`` who may do what
to one request for access. ``docs/permissions.md`` is the result, written out as tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.urls import reverse

from portal.access.models import AccessSuspension, Hold
from portal.access.policy.active_grants import Opening, active_grants
from portal.access.policy.conditions import Conditions, matches
from portal.access.policy.permissions import (
    ALLOWED,
    NO_CAPTURES,
    OTHER_FILES,
    TEXT_ONLY,
    Action,
    Basis,
    Limits,
    Permission,
    Reason,
    refuse,
)
from portal.access.policy.quotas import SILENT
from portal.access.policy.why_not import while_waiting, why_not
from portal.accounts.models import AccessToken, Scope, User
from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import File, Gate, Mode, ModelRepo, Revision

__all__ = [
    "Action",
    "Limits",
    "Permission",
    "Reason",
    "may",
    "may_call",
    "may_decide",
    "may_read",
    "may_through",
]

Person: TypeAlias = "User | AnonymousUser | None"
Target: TypeAlias = "ModelRepo | Revision"


def may(person: Person, action: Action, target: Target, now: datetime) -> Permission:
    """Return a person's permission for an action on a model, or on one of its revisions.

    A refusal says why, and which page helps. None, AnonymousUser and a disabled account are all
    somebody who hasn't signed in.
    """
    repo = _repo(target)
    user = person if isinstance(person, User) and person.is_active else None
    # Existence is asked first: any other answer would tell that a private model is there.
    if repo.deleted_at is not None:
        return _by_role(user, action, repo) if action in RECORDS else refuse(Reason.NOT_FOUND)
    if isinstance(target, Revision) and not _is_seen(target, user):
        return refuse(Reason.NOT_FOUND)
    if repo.private and not _among(ModelRepo.objects.visible_to(user or AnonymousUser()), repo):
        return refuse(Reason.NOT_FOUND)
    if action in USES:
        return _use(user, action, target, now)
    return _by_role(user, action, repo)


def may_through(
    token: AccessToken,
    action: Action,
    target: Target,
    now: datetime,
    *,
    scope: Scope | None = None,
) -> Permission:
    """Return the permission that an access token gives: its owner's, within its scopes and repos.

    A token never allows less than an anonymous caller gets; but a hold on its owner binds it on
    open models too. ``scope`` replaces the scope that the action asks for by itself.
    """
    permission = may(token.user, action, target, now)
    needed = scope or SCOPES.get(action)
    in_scope = needed is None or needed in token.scopes
    in_repos = token.repo_ids is None or _repo(target).pk in token.repo_ids
    if not permission.allowed or (in_scope and in_repos) or may(None, action, target, now).allowed:
        return permission
    return refuse(Reason.SCOPE, reverse("accounts:tokens"))


def may_call(
    caller: Caller,
    action: Action,
    target: Target,
    now: datetime,
    *,
    scope: Scope | None = None,
) -> Permission:
    """Return the permission of whoever calls, in person or through a token."""
    if caller.token is not None:
        return may_through(caller.token, action, target, now, scope=scope)
    return may(caller.person, action, target, now)


def may_decide(caller: Caller, repo: ModelRepo, now: datetime) -> Permission:
    """Return the permission to give or refuse access, which administrators of the model have.

    Deciding is an act of review. A token needs the scope ``review`` for it, whoever owns the
    token: the scope ``admin`` alone decides nothing.
    """
    return may_call(caller, Action.ADMINISTER, repo, now, scope=Scope.REVIEW)


def may_read(caller: Caller, file: File, now: datetime) -> Permission:
    """Return the permission to read a file. Card, licence and checksums stand before every gate."""
    action = Action.SEE if file.is_open else Action.DOWNLOAD
    permission = may_call(caller, action, file.revision, now)
    if permission.allowed and not permission.covers(file.path):
        page = _grant_page(permission.bases[0].grant_id)
        return refuse(Reason.CONDITION, page, condition=str(OTHER_FILES))
    bases = [
        basis
        for basis in permission.bases
        if basis.files is None or matches(file.path, basis.files)
    ]
    return replace(permission, bases=tuple(bases))


USES = {
    Action.DOWNLOAD: Mode.DOWNLOAD,
    Action.INFER: Mode.INFERENCE,
    Action.SCORE: Mode.INFERENCE,
    Action.CAPTURE: Mode.INFERENCE,
}
RECORDS = frozenset({Action.REVIEW, Action.ADMINISTER})
"""What outlives a deleted repo: somebody still answers for its grants and its requests."""
SCOPES = {
    Action.DOWNLOAD: Scope.DOWNLOAD,
    Action.INFER: Scope.INFER,
    Action.SCORE: Scope.INFER,
    Action.CAPTURE: Scope.INFER,
    Action.PUBLISH: Scope.PUBLISH,
    Action.REVIEW: Scope.REVIEW,
    Action.ADMINISTER: Scope.ADMIN,
}
TEAMS: dict[Action, Callable[[User], QuerySet[ModelRepo]]] = {
    Action.PUBLISH: lambda person: ModelRepo.objects.publishable_by(person),
    Action.REVIEW: lambda person: ModelRepo.objects.reviewable_by(person),
    Action.ADMINISTER: lambda person: ModelRepo.objects.administered_by(person),
}


def _repo(target: Target) -> ModelRepo:
    return target.repo if isinstance(target, Revision) else target


def _among(repos: QuerySet[ModelRepo], repo: ModelRepo) -> bool:
    return repos.filter(pk=repo.pk).exists()


def _is_seen(revision: Revision, user: User | None) -> bool:
    """Return whether a person may know of a revision: in quarantine, only its own."""
    if revision.is_shown:
        return True
    own = user is not None and _among(ModelRepo.objects.administered_by(user), revision.repo)
    return own and revision.is_in_history


def _by_role(user: User | None, action: Action, repo: ModelRepo) -> Permission:
    """Allow looking to everybody, and work on the repo to those whose role it is."""
    if action == Action.SEE:
        return ALLOWED
    if user is None:
        return refuse(Reason.NO_TOKEN, reverse("accounts:tokens"))
    return ALLOWED if _among(TEAMS[action](user), repo) else refuse(Reason.NOT_TEAM)


def _use(user: User | None, action: Action, target: Target, now: datetime) -> Permission:
    """Allow a use of the weights by an open gate, by an active grant, or to administrators."""
    repo, mode = _repo(target), USES[action]
    # Hosted use is metered by person, so nobody uses even an open model without signing in.
    if repo.gate(mode) == Gate.OPEN and (user is not None or mode == Mode.DOWNLOAD):
        return _refused_by_hold(user, target, now) or ALLOWED
    if user is None:
        return refuse(Reason.NO_TOKEN, reverse("accounts:tokens"))
    grants, may_be_stopped = active_grants(user, repo, _revision(target), mode, now)
    # A hold is asked before all that follows: it binds administrators too, and a person who is
    # held isn't sent to renew or to ask anew, where they would only be refused again.
    if may_be_stopped and (refusal := _refused_by_hold(user, target, now)):
        return refusal
    permission = _without_stops(user, action, repo, grants, now)
    if permission.allowed and may_be_stopped:
        return _refused_by_suspension(repo) or permission
    return permission


def _without_stops(
    user: User, action: Action, repo: ModelRepo, grants: dict[int, Opening], now: datetime
) -> Permission:
    """Return what grants, a role or a request that waits give by themselves."""
    if grants:
        return _within_conditions(grants, action)
    if _among(ModelRepo.objects.administered_by(user), repo):
        return ALLOWED
    return while_waiting(user, action, repo, now) or why_not(user, repo, USES[action], now)


def _revision(target: Target) -> Revision | None:
    return target if isinstance(target, Revision) else None


def _grant_page(grant_id: int) -> str:
    """Return the page that has the conditions of a grant, for its holder and its members."""
    return reverse("access:grant", args=[grant_id])


def _refused_by_hold(user: User | None, target: Target, now: datetime) -> Permission | None:
    repo = _repo(target)
    hold = Hold.objects.on(user, repo, _revision(target), now).first()
    return refuse(Reason.SUSPENDED, f"/{repo.full_name}", hold.placed_at) if hold else None


def _refused_by_suspension(repo: ModelRepo) -> Permission | None:
    """Refuse what would be allowed, while all access is suspended since a restore."""
    suspension = AccessSuspension.objects.standing().first()
    page = f"/{repo.full_name}"
    return refuse(Reason.RESTORED, page, suspension.placed_at) if suspension else None


def _within_conditions(grants: dict[int, Opening], action: Action) -> Permission:
    """Allow what at least one of these grants, by their keys, allows."""
    if action != Action.DOWNLOAD:
        return _hosted(grants, action)
    bases = tuple(Basis(pk, opening.conditions.files) for pk, opening in grants.items())
    if any(basis.files is None for basis in bases):
        return Permission(allowed=True, bases=bases)
    files = tuple(pattern for basis in bases for pattern in basis.files or ())
    return Permission(allowed=True, limits=Limits(files=files), bases=bases)


def _hosted(grants: dict[int, Opening], action: Action) -> Permission:
    """Allow hosted use with the quotas of the grants that allow it."""
    refused = {pk: _ruled_out(opening.conditions, action) for pk, opening in grants.items()}
    allowing = [opening.quotas for pk, opening in grants.items() if not refused[pk]]
    if not allowing:
        # What rules out the least is what can be changed soonest.
        pk = next(
            (pk for pk, words in refused.items() if words == str(NO_CAPTURES)), next(iter(refused))
        )
        return refuse(Reason.CONDITION, _grant_page(pk), condition=refused[pk])
    if all(quotas == SILENT for quotas in allowing):
        return ALLOWED
    has_floor = any(quotas.has_floor for quotas in allowing)
    return Permission(allowed=True, limits=Limits(quotas=tuple(allowing), has_floor=has_floor))


def _ruled_out(conditions: Conditions, action: Action) -> str:
    """Name the condition that rules out a hosted use, as the end of a sentence; "" for none."""
    if action in (Action.SCORE, Action.CAPTURE) and conditions.no_logits:
        return str(TEXT_ONLY)
    is_ruled_out = action == Action.CAPTURE and conditions.no_captures
    return str(NO_CAPTURES) if is_ruled_out else ""

"""Who may do what: the one function that page, API, list and test ask.

Nothing outside access reads a request's state, a grant's interval or a hold. Why somebody may not
is told by ``policy.why_not``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeAlias

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, QuerySet
from django.urls import reverse

from portal.access.models import Grant, Hold
from portal.access.policy.conditions import Conditions, matches
from portal.access.policy.permissions import (
    ALLOWED,
    Action,
    Basis,
    Limits,
    Permission,
    Reason,
    refuse,
)
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
    """Whether this person may do this to that, at this moment; why not, and where to go."""
    repo = _repo(target)
    someone = person if isinstance(person, User) and person.is_active else None
    if repo.deleted_at is not None:
        return _stand(someone, action, repo) if action in RECORDS else refuse(Reason.NOT_FOUND)
    if isinstance(target, Revision) and not target.is_shown:
        return refuse(Reason.NOT_FOUND)
    if repo.private and not _among(ModelRepo.objects.visible_to(someone or AnonymousUser()), repo):
        return refuse(Reason.NOT_FOUND)
    if action in USES:
        return _use(someone, action, target, now)
    return _stand(someone, action, repo)


def may_through(
    token: AccessToken,
    action: Action,
    target: Target,
    now: datetime,
    *,
    scope: Scope | None = None,
) -> Permission:
    """Narrow what the token's owner may by the token; never further than for anybody.

    A hold on the owner binds the token on open models too. ``scope`` replaces the scope that the
    action asks for by itself.
    """
    permission = may(token.user, action, target, now)
    needed = scope or SCOPES.get(action)
    scoped = needed is None or needed in token.scopes
    within = token.repo_ids is None or _repo(target).pk in token.repo_ids
    if not permission.allowed or (scoped and within) or may(None, action, target, now).allowed:
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
    """Answer ``may`` for whoever asks, in person or through a token."""
    if caller.token is not None:
        return may_through(caller.token, action, target, now, scope=scope)
    return may(caller.person, action, target, now)


def may_decide(caller: Caller, repo: ModelRepo, now: datetime) -> Permission:
    """Answer whether the caller may give or refuse access, as who administers the model.

    Deciding is an act of review. A token needs the scope ``review`` for it, whoever owns the
    token: the scope ``admin`` alone decides nothing.
    """
    return may_call(caller, Action.ADMINISTER, repo, now, scope=Scope.REVIEW)


def may_read(caller: Caller, file: File, now: datetime) -> Permission:
    """Whether a file may be read: card, licence and checksums stand before every gate."""
    action = Action.SEE if file.is_open else Action.DOWNLOAD
    permission = may_call(caller, action, file.revision, now)
    if permission.allowed and not permission.covers(file.path):
        return refuse(Reason.CONDITION, _grant_page(permission.bases[0].grant_id))
    bases = [
        each for each in permission.bases if each.files is None or matches(file.path, each.files)
    ]
    return replace(permission, bases=tuple(bases))


USES = {
    Action.DOWNLOAD: Mode.DOWNLOAD,
    Action.INFER: Mode.INFERENCE,
    Action.CAPTURE: Mode.INFERENCE,
}
RECORDS = frozenset({Action.REVIEW, Action.ADMINISTER})
"""What outlives a deleted repo: somebody still answers for its grants and its requests."""
SCOPES = {
    Action.DOWNLOAD: Scope.DOWNLOAD,
    Action.INFER: Scope.INFER,
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


def _stand(person: User | None, action: Action, repo: ModelRepo) -> Permission:
    if action == Action.SEE:
        return ALLOWED
    if person is None:
        return refuse(Reason.NO_TOKEN, reverse("accounts:tokens"))
    return ALLOWED if _among(TEAMS[action](person), repo) else refuse(Reason.NOT_TEAM)


def _use(person: User | None, action: Action, target: Target, now: datetime) -> Permission:
    """Downloading, inferring, looking inside: gates, holds, grants and the team."""
    repo, mode = _repo(target), USES[action]
    revision = target if isinstance(target, Revision) else None
    held = partial(_held, person, repo, revision, now)
    if repo.gate(mode) == Gate.OPEN and (person is not None or mode == Mode.DOWNLOAD):
        return held() or ALLOWED  # hosted use is metered, so nobody uses it namelessly
    if person is None:
        return refuse(Reason.NO_TOKEN, reverse("accounts:tokens"))
    near = Exists(Hold.objects.near(person, repo, revision))  # asked with the grants: this is hot
    usable = Grant.objects.usable_by(person, repo).active_at(now).in_mode(mode)
    grants = list(usable.annotate(near=near).values_list("pk", "conditions", "near"))
    perhaps_held = not grants or grants[0][2]
    if perhaps_held and (refusal := held()):
        return refusal
    if grants:
        return _within({pk: Conditions.of(given) for pk, given, _ in grants}, action, repo)
    if _among(ModelRepo.objects.administered_by(person), repo):
        return ALLOWED
    return while_waiting(person, action, repo, now) or why_not(person, repo, mode, now)


def _grant_page(grant_id: int) -> str:
    """Return the page that has the conditions of a grant, for its holder and its members."""
    return reverse("access:grant", args=[grant_id])


def _held(
    person: User | None, repo: ModelRepo, revision: Revision | None, now: datetime
) -> Permission | None:
    hold = Hold.objects.on(person, repo, revision, now).first()
    return refuse(Reason.SUSPENDED, f"/{repo.full_name}", hold.placed_at) if hold else None


def _within(held: dict[int, Conditions], action: Action, repo: ModelRepo) -> Permission:
    """Whatever one of the grants, by its id, allows is allowed."""
    if action == Action.CAPTURE and all(each.no_logits for each in held.values()):
        return refuse(Reason.CONDITION, _grant_page(next(iter(held))))
    if action != Action.DOWNLOAD:
        return ALLOWED
    bases = tuple(Basis(pk, each.files) for pk, each in held.items())
    if any(each.files is None for each in bases):
        return Permission(allowed=True, bases=bases)
    files = tuple(pattern for each in bases for pattern in each.files or ())
    return Permission(allowed=True, limits=Limits(files=files), bases=bases)

"""Who may do what: the one function that page, API, list and test ask.

Nothing outside this module, its querysets and access's own services reads a request's state or a
grant's interval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.urls import reverse

from portal.access.models import AccessRequest, Grant
from portal.accounts.authentication import Caller
from portal.accounts.models import AccessToken, Scope, User
from portal.catalog.models import File, Gate, Mode, ModelRepo, Revision

Person: TypeAlias = "User | AnonymousUser | None"


class Action(StrEnum):
    SEE = "see"
    DOWNLOAD = "download"
    INFER = "infer"
    CAPTURE = "capture"
    PUBLISH = "publish"
    REVIEW = "review"
    ADMINISTER = "administer"


class Reason(StrEnum):
    """Why not. ``access.refusals`` has the words for each."""

    NO_TOKEN = "no_token"  # noqa: S105
    NOT_FOUND = "not_found"
    NO_REQUEST = "no_request"
    PENDING = "pending"
    QUESTION = "question"
    DECLINED = "declined"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SIGN = "sign"
    MODE = "mode"
    SCOPE = "scope"
    NOT_TEAM = "not_team"


@dataclass(frozen=True)
class Verdict:
    """``since``: the date that the reason speaks of, such as when an answer is due."""

    allowed: bool
    reason: Reason | None = None
    help_url: str = ""
    since: datetime | None = None


ALLOWED = Verdict(allowed=True)


def _refuse(reason: Reason, help_url: str = "", since: datetime | None = None) -> Verdict:
    return Verdict(allowed=False, reason=reason, help_url=help_url, since=since)


def may(person: Person, action: Action, target: ModelRepo | Revision, now: datetime) -> Verdict:
    """Whether this person may do this to that, at this moment; why not, and where to go."""
    repo = target.repo if isinstance(target, Revision) else target
    someone = person if isinstance(person, User) and person.is_active else None
    if repo.private and not _among(ModelRepo.objects.visible_to(someone or AnonymousUser()), repo):
        return _refuse(Reason.NOT_FOUND)
    return RULES[action](someone, repo, now)


def may_through(
    token: AccessToken, action: Action, target: ModelRepo | Revision, now: datetime
) -> Verdict:
    """What the token's owner may, narrowed by the token; never narrower than for anybody."""
    if may(None, action, target, now).allowed:
        return ALLOWED
    verdict = may(token.user, action, target, now)
    repo = target.repo if isinstance(target, Revision) else target
    scoped = action not in SCOPES or SCOPES[action] in token.scopes
    within = token.repo_ids is None or repo.pk in token.repo_ids
    if verdict.allowed and not (scoped and within):
        return _refuse(Reason.SCOPE, reverse("accounts:tokens"))
    return verdict


def may_call(
    caller: Caller, action: Action, target: ModelRepo | Revision, now: datetime
) -> Verdict:
    """``may`` for whoever asks, in person or through a token."""
    if caller.token is not None:
        return may_through(caller.token, action, target, now)
    return may(caller.person, action, target, now)


def reading(file: File) -> Action:
    """What it takes to read a file: card, licence and checksums stand before every gate."""
    return Action.SEE if file.is_open else Action.DOWNLOAD


SCOPES = {
    Action.DOWNLOAD: Scope.DOWNLOAD,
    Action.INFER: Scope.INFER,
    Action.CAPTURE: Scope.INFER,
    Action.PUBLISH: Scope.PUBLISH,
    Action.REVIEW: Scope.REVIEW,
    Action.ADMINISTER: Scope.ADMIN,
}


def _among(repos: QuerySet[ModelRepo], repo: ModelRepo) -> bool:
    return repos.filter(pk=repo.pk).exists()


def _see(person: User | None, repo: ModelRepo, now: datetime) -> Verdict:
    return ALLOWED


def _download(person: User | None, repo: ModelRepo, now: datetime) -> Verdict:
    if repo.download_gate == Gate.OPEN:
        return ALLOWED
    return _use(person, repo, Mode.DOWNLOAD, now)


def _infer(person: User | None, repo: ModelRepo, now: datetime) -> Verdict:
    """Hosted use is metered, so even the open gate wants to know who asks."""
    if person is not None and repo.inference_gate == Gate.OPEN:
        return ALLOWED
    return _use(person, repo, Mode.INFERENCE, now)


def _use(person: User | None, repo: ModelRepo, mode: Mode, now: datetime) -> Verdict:
    if person is None:
        return _refuse(Reason.NO_TOKEN, reverse("accounts:tokens"))
    grants = Grant.objects.to(person, repo)
    if grants.active_at(now).in_mode(mode).exists():
        return ALLOWED
    if _among(ModelRepo.objects.administered_by(person), repo):
        return ALLOWED
    return _why_not(person, repo, mode, now)


def _why_not(person: User, repo: ModelRepo, mode: Mode, now: datetime) -> Verdict:
    if repo.gate(mode) == Gate.LICENCE:
        return _unsigned(person, repo, mode, now)
    request = AccessRequest.objects.of(person).filter(repo=repo).first()
    if request is not None and request.state in PENDING:
        page = reverse("access:request", args=[request.pk])
        return _refuse(PENDING[AccessRequest.State(request.state)], page, request.due_at)
    grant = Grant.objects.to(person, repo).first()
    if grant is not None:
        return _ended(grant, repo, now)
    if request is not None and request.state == AccessRequest.State.DECLINED:
        page = reverse("access:request", args=[request.pk])
        return _refuse(Reason.DECLINED, page, request.closed_at)
    return _refuse(Reason.NO_REQUEST, reverse("access:start", args=_names(repo)))


PENDING = {
    AccessRequest.State.IN_REVIEW: Reason.PENDING,
    AccessRequest.State.NEEDS_INFO: Reason.QUESTION,
}


def _unsigned(person: User, repo: ModelRepo, mode: Mode, now: datetime) -> Verdict:
    """Where a signature is enough, no request stands in the way, and none helps."""
    page = reverse("access:sign", args=_names(repo))
    grant = Grant.objects.to(person, repo).in_mode(mode).first()
    if grant is None:
        return _refuse(Reason.SIGN, page)
    if grant.revoked_at is not None:
        return _refuse(Reason.REVOKED, page, grant.revoked_at)
    return _refuse(Reason.EXPIRED, page, grant.expires_at)


def _ended(grant: Grant, repo: ModelRepo, now: datetime) -> Verdict:
    again = reverse("access:start", args=_names(repo))
    if grant.revoked_at is not None:
        return _refuse(Reason.REVOKED, again, grant.revoked_at)
    if grant.expires_at <= now:
        return _refuse(Reason.EXPIRED, again, grant.expires_at)
    return _refuse(Reason.MODE, again, grant.starts_at)


def _names(repo: ModelRepo) -> list[str]:
    return [repo.namespace.name, repo.name]


def _team(
    person: User | None, repos_of: Callable[[User], QuerySet[ModelRepo]], repo: ModelRepo
) -> Verdict:
    if person is None:
        return _refuse(Reason.NO_TOKEN, reverse("accounts:tokens"))
    return ALLOWED if _among(repos_of(person), repo) else _refuse(Reason.NOT_TEAM)


def _publish(person: User | None, repo: ModelRepo, now: datetime) -> Verdict:
    return _team(person, ModelRepo.objects.publishable_by, repo)


def _review(person: User | None, repo: ModelRepo, now: datetime) -> Verdict:
    return _team(person, ModelRepo.objects.reviewable_by, repo)


def _administer(person: User | None, repo: ModelRepo, now: datetime) -> Verdict:
    return _team(person, ModelRepo.objects.administered_by, repo)


RULES: dict[Action, Callable[[User | None, ModelRepo, datetime], Verdict]] = {
    Action.SEE: _see,
    Action.DOWNLOAD: _download,
    Action.INFER: _infer,
    Action.CAPTURE: _infer,
    Action.PUBLISH: _publish,
    Action.REVIEW: _review,
    Action.ADMINISTER: _administer,
}

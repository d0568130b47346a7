"""Check who may change what over the Hub’s protocol; refuse in a form that its clients show."""

from __future__ import annotations

from datetime import datetime

from portal.access.policy.policy import Action, may_call
from portal.access.policy.refusals import describe
from portal.accounts.models import Scope, User
from portal.accounts.tokens.authentication import Caller
from portal.catalog.errors import MayNotPublish
from portal.catalog.models import ModelRepo
from portal.catalog.services.lookup import find_repo
from portal.hub.errors import TokenNeeded
from portal.hub.rate_limit import count_write


def require_person(caller: Caller) -> User:
    """Return the token's person. Raises TokenNeeded, since nobody changes things anonymously."""
    if caller.token is None:
        raise TokenNeeded
    return caller.token.user


def require_publishing(caller: Caller, repo: ModelRepo, now: datetime) -> User:
    """Return the caller if they may publish this repo. Raises MayNotPublish, with the reason.

    Never the Hub's GatedRepo: nobody gets this right by asking for access.
    """
    require_person(caller)
    return require_publisher(caller, repo, now)


def require_publisher(caller: Caller, repo: ModelRepo, now: datetime) -> User:
    """Return whoever calls, by a token or in person, if they may publish this repo.

    Raises TokenNeeded or MayNotPublish. Where it is asked of a session, the view checks its CSRF
    token.
    """
    if caller.person is None:
        raise TokenNeeded
    permission = may_call(caller, Action.PUBLISH, repo, now)
    if not permission.allowed:
        raise MayNotPublish(describe(permission, repo).line)
    return caller.person


def require_publishing_anywhere(caller: Caller) -> User:
    """Return the caller if their token is for publishing, and for all repos.

    Asked of what is no repo yet. Raises TokenNeeded or MayNotPublish.
    """
    person = require_person(caller)
    token = caller.token
    if token is None or Scope.PUBLISH not in token.scopes or token.repo_ids is not None:
        raise MayNotPublish(
            "This token may not make models. Make one for publishing, and for all models."
        )
    return person


def publishable_repo(
    caller: Caller, names: dict[str, str], now: datetime
) -> tuple[User, ModelRepo]:
    """Return the caller with the repo that they may publish, and count a write of theirs.

    Raises RepoNotFound, TokenNeeded, MayNotPublish or TooManyWrites.
    """
    repo = find_repo(f"{names['namespace']}/{names['name']}", caller=caller)
    person = require_publishing(caller, repo, now)
    count_write(person, now)
    return person, repo

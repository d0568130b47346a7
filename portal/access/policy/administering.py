"""The permission to administer a repo, asked before its gate, its grants or its offers change."""

from __future__ import annotations

from datetime import datetime

from portal.access.policy.permissions import Action
from portal.access.policy.policy import may
from portal.accounts.models import User
from portal.catalog.errors import RepoNotFound
from portal.catalog.models import ModelRepo
from portal.errors import Forbidden, NotFound


def lock_administered_repo(actor: User, repo_id: int) -> ModelRepo:
    """Lock a repo until the transaction ends, for a change by somebody who administers it.

    Raise RepoNotFound to anybody else.
    """
    if not ModelRepo.objects.administered_by(actor).filter(pk=repo_id).exists():
        raise RepoNotFound("There’s no such model, or none that you administer.")
    locked = ModelRepo.objects.select_for_update(of=("self",)).select_related("namespace")
    return locked.get(pk=repo_id)


def require_administers(
    actor: User, repo: ModelRepo, now: datetime, *, unknown: NotFound, what: str
) -> None:
    """Raise ``unknown`` where the actor may not see the repo, Forbidden where they don't run it.

    In this order: a stranger doesn't learn from the refusal that a private repo exists. ``what``:
    the end of the sentence that says what only its administrators may do.
    """
    if not may(actor, Action.SEE, repo, now).allowed:
        raise unknown
    if not may(actor, Action.ADMINISTER, repo, now).allowed:
        raise Forbidden(f"Only the people who administer this model may {what}.")

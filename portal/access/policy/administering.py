"""The permission to publish or administer a repo, and what anybody without it is told.

Whoever may know of a repo is told that this is for the people who run it. To anybody else there is
no such repo: a stranger doesn't learn from a refusal that a private one exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from portal.access.errors import GrantNotFound
from portal.access.models import Grant
from portal.access.policy.conflicts import require_no_conflict_over
from portal.access.policy.permissions import Action, Reason, refuse
from portal.access.policy.policy import TEAMS, may
from portal.access.policy.refusals import describe
from portal.accounts.models import User
from portal.accounts.tokens.authentication import Caller
from portal.catalog.errors import RepoNotFound
from portal.catalog.models import ModelRepo
from portal.catalog.services.lookup import NOTHING_HERE, find_repo
from portal.errors import Forbidden, NotFound

DECIDE = (Action.REVIEW, Action.ADMINISTER)


def repo_run_by(person: User, full_name: str, action: Action) -> ModelRepo:
    """Return the repo of this name to somebody who may publish it, or administer it: ``action``.

    Raise RepoNotFound where they may not know of it, or Forbidden.
    """
    repo = find_repo(full_name, caller=Caller(person))
    require_runs(person, action, repo)
    return repo


def require_runs(person: User, action: Action, repo: ModelRepo) -> None:
    """Raise unless a person may publish a repo, or administer it: ``action``.

    Raise RepoNotFound where they may not know of it, or Forbidden.
    """
    if TEAMS[action](person).filter(pk=repo.pk).exists():
        return
    if not ModelRepo.objects.visible_to(person).filter(pk=repo.pk).exists():
        raise RepoNotFound(str(NOTHING_HERE))
    raise Forbidden(describe(refuse(Reason.NOT_TEAM), repo).line)


def lock_administered_repo(actor: User, repo_id: int) -> ModelRepo:
    """Lock a repo until the transaction ends, for a change by somebody who administers it.

    Raise RepoNotFound or Forbidden to anybody else, as ``require_runs`` does.
    """
    locked = ModelRepo.objects.select_for_update(of=("self",), no_key=True).select_related(
        "namespace"
    )
    repo: ModelRepo | None = locked.filter(pk=repo_id).first()
    if repo is None:
        raise RepoNotFound(str(NOTHING_HERE))
    require_runs(actor, Action.ADMINISTER, repo)
    return repo


def require_administers(
    actor: User, repo: ModelRepo, now: datetime, *, unknown: NotFound, what: str
) -> None:
    """Raise ``unknown`` where the actor may not see the repo, Forbidden where they don't run it.

    ``what``: the end of the sentence that says what only its administrators may do.
    """
    if not may(actor, Action.SEE, repo, now).allowed:
        raise unknown
    if not may(actor, Action.ADMINISTER, repo, now).allowed:
        raise Forbidden(f"Only the people who administer this model may {what}.")


def require_decides_on(actor: User, grant: Grant, now: datetime) -> None:
    """Raise unless the actor is of the team that decides how much a grant gives.

    Raise GrantNotFound where they may not see its model, Forbidden where they neither review nor
    administer it, ConflictOfInterest where they couldn't have decided on its holder's request.
    """
    repo = grant.repo
    if not may(actor, Action.SEE, repo, now).allowed:
        raise GrantNotFound
    if not any(may(actor, action, repo, now).allowed for action in DECIDE):
        raise Forbidden("Only the people who review requests for this model may do this.")
    require_no_conflict_over(actor, grant, now)


@dataclass(frozen=True)
class SeenUsage:
    """The hosted use that somebody sees, as conditions on jobs and on idle energy."""

    jobs: Q
    idle: Q


def usage_seen_by(person: User, *, for_team: bool = True) -> SeenUsage:
    """Return whose hosted use a person sees.

    That is their own and that of the models that they administer, and for an operator all. Idle
    energy is a model's, so it is seen with the model.

    ``for_team`` is false for a caller who reads for nobody else, such as a program that may only
    prompt: then it is their own use alone.
    """
    own = Q(person=person)
    if not for_team:
        return SeenUsage(own, Q(pk__in=[]))
    if person.is_operator:
        return SeenUsage(Q(), Q())
    administered = Q(repo__in=TEAMS[Action.ADMINISTER](person).order_by().values("pk"))
    return SeenUsage(own | administered, administered)

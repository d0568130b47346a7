"""Tell which models a person may prompt in the playground, and out of which quota."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from inference.errors import ConfigError
from inference.interp.spec import ModelShape
from portal.access.policy.policy import Action, Limits, may
from portal.accounts.models import User
from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import ModelRepo
from portal.catalog.services.lookup import head_revision
from portal.errors import DomainError
from portal.jobs.captures.egress import EgressUse, egress_use_of
from portal.jobs.captures.shapes import shape_of
from portal.jobs.hosting import hosted_model, hosted_repos
from portal.jobs.quota import (
    Quota,
    QuotaUse,
    allowance_of,
    quota_for,
    quota_today,
    quota_use_of,
)


@dataclass(frozen=True)
class PlayableModel:
    """A hosted model that the person may prompt.

    ``is_scored``: log-probabilities are open too. ``is_open_inside``: so is what stands inside.
    """

    repo: ModelRepo
    limits: Limits
    is_scored: bool
    is_open_inside: bool

    @property
    def name(self) -> str:
        return self.repo.full_name

    @cached_property
    def talks(self) -> bool:
        """Tell whether it has a chat template."""
        revision = head_revision(self.repo)
        try:
            return revision is not None and hosted_model(revision).chat_template is not None
        except (DomainError, ConfigError):
            return False


def playable_by(person: User, now: datetime) -> list[PlayableModel]:
    """List the hosted models that the person may prompt."""
    permissions = [
        (repo, may(person, Action.INFER, repo, now)) for repo in hosted_repos(Caller(person))
    ]
    return [
        PlayableModel(
            repo,
            permission.limits,
            is_scored=may(person, Action.SCORE, repo, now).allowed,
            is_open_inside=may(person, Action.CAPTURE, repo, now).allowed,
        )
        for repo, permission in permissions
        if permission.allowed
    ]


def shapes_inside(playable: Iterable[PlayableModel]) -> dict[str, ModelShape]:
    """Return the shapes of the models that the person may look into, by name."""
    shapes: dict[str, ModelShape] = {}
    for model in playable:
        revision = head_revision(model.repo) if model.is_open_inside else None
        shape = shape_of(revision) if revision else None
        if shape is not None:
            shapes[model.name] = shape
    return shapes


def quota_use_for(person: User, repo: ModelRepo, now: datetime) -> QuotaUse:
    """Return what the person may use of this model, and how much of it is used."""
    limits = may(person, Action.INFER, repo, now).limits
    return quota_use_of(person, allowance_of(repo, limits), now)


def egress_use_for(person: User, repo: ModelRepo, now: datetime) -> EgressUse | None:
    """Return what the person has taken out of a model's inside; None where it isn't open."""
    permission = may(person, Action.CAPTURE, repo, now)
    if not permission.allowed:
        return None
    return egress_use_of(person, allowance_of(repo, permission.limits), now)


def quotas_of(person: User, now: datetime) -> list[Quota]:
    """List the quotas that hold for the person now: the day's, and those while they wait."""
    quotas = {
        quota_for(person, playable.repo, playable.limits, now)
        for playable in playable_by(person, now)
    }
    return sorted(quotas or {quota_today(person, now)}, key=lambda quota: quota.model)

"""The model that an operation is about, as its caller stands to it."""

from __future__ import annotations

from portal.access.grants.renewals import reviews
from portal.api.base.operations import Call
from portal.catalog.errors import RepoNotFound
from portal.catalog.models import ModelRepo
from portal.catalog.services.lookup import find_repo
from portal.errors import Forbidden


def named_repo(call: Call, namespace: str, name: str) -> ModelRepo:
    """A repo that the caller may know of, and that the token is for."""
    repo = find_repo(f"{namespace}/{name}", caller=call.caller)
    if not call.within(ModelRepo.objects.filter(pk=repo.pk), "pk").exists():
        raise Forbidden("This token is for other models. Make one for this model, or for all.")
    return repo


def team_repo(call: Call, namespace: str, name: str) -> ModelRepo:
    """For its team; to others its grants are not theirs to list."""
    repo = named_repo(call, namespace, name)
    if not reviews(call.person, repo):
        raise Forbidden("The grants of a model are for the people who run it.")
    return repo


def administered(call: Call, namespace: str, name: str) -> ModelRepo:
    """For whoever else, there is none."""
    repo = named_repo(call, namespace, name)
    if not ModelRepo.objects.administered_by(call.person).filter(pk=repo.pk).exists():
        raise RepoNotFound("There’s no such model, or none that you administer.")
    return repo

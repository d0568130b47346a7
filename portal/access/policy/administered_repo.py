"""A repo as its administrators take hold of it."""

from __future__ import annotations

from portal.accounts.models import User
from portal.catalog.errors import RepoNotFound
from portal.catalog.models import ModelRepo


def administered_repo(actor: User, repo_id: int) -> ModelRepo:
    """The repo, locked until the transaction ends; for those who administer it."""
    if not ModelRepo.objects.administered_by(actor).filter(pk=repo_id).exists():
        raise RepoNotFound("There’s no such model, or none that you administer.")
    locked = ModelRepo.objects.select_for_update(of=("self",)).select_related("namespace")
    return locked.get(pk=repo_id)

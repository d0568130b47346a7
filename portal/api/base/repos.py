"""The model that a view is about, as its caller may see it."""

from __future__ import annotations

from portal.access.grants.renewals import reviews
from portal.access.policy.administering import require_runs
from portal.access.policy.permissions import Action
from portal.api.base.views import ApiView
from portal.catalog.models import ModelRepo
from portal.catalog.services.lookup import find_repo
from portal.errors import Forbidden


class RepoMixin(ApiView):
    """A view whose address names a model, as ``namespace`` and ``name``."""

    @property
    def repo_name(self) -> str:
        return f"{self.kwargs['namespace']}/{self.kwargs['name']}"

    def get_repo(self) -> ModelRepo:
        """Return the model, if the caller may know of it and the token is for it."""
        repo = find_repo(self.repo_name, caller=self.caller)
        if not self.within(ModelRepo.objects.filter(pk=repo.pk), "pk").exists():
            raise Forbidden("This token is for other models. Make one for this model, or for all.")
        return repo

    def get_team_repo(self) -> ModelRepo:
        """Return the model for its team. Raise Forbidden for others: its grants aren't theirs."""
        repo = self.get_repo()
        if not reviews(self.user, repo):
            raise Forbidden("The grants of a model are for the people who run it.")
        return repo

    def get_administered_repo(self) -> ModelRepo:
        """Return the model for its administrators. Raise RepoNotFound or Forbidden for others."""
        repo = self.get_repo()
        require_runs(self.user, Action.ADMINISTER, repo)
        return repo

    def get_publishable_repo(self) -> ModelRepo:
        """Return the model for its publishers. Raise RepoNotFound or Forbidden for others."""
        repo = self.get_repo()
        require_runs(self.user, Action.PUBLISH, repo)
        return repo

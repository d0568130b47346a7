"""What the Hub's clients ask for and this portal answers with a reason."""

from __future__ import annotations

from typing import Never

from django.http import HttpRequest

from portal.accounts.authentication import Caller
from portal.catalog.errors import RepoNotFound
from portal.errors import NotFound
from portal.hub.errors import NotOffered
from portal.hub.http import hub_view
from portal.hub.views.models import repo_of

ANY = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@hub_view(*ANY)
def no_such_repo(request: HttpRequest, caller: Caller, **names: str) -> Never:
    """A name without its namespace, or something that is no model."""
    raise RepoNotFound("There's nothing at this address: a model's name is NAMESPACE/NAME.")


@hub_view(*ANY)
def nothing(request: HttpRequest, caller: Caller, **names: str) -> Never:
    """A plain 404, on which clients go without."""
    raise NotFound("There's nothing at this address.")


@hub_view(*ANY)
def nothing_of_repo(request: HttpRequest, caller: Caller, **names: str) -> Never:
    repo = repo_of(caller, names)
    raise NotFound(f"{repo.full_name} has nothing at this address.")


@hub_view(*ANY)
def not_offered(request: HttpRequest, caller: Caller, **names: str) -> Never:
    """Xet has no fall-back in the clients, so its users must be told how to go without."""
    raise NotOffered(
        "This portal stores large files by LFS. Set HF_HUB_DISABLE_XET=1 and upload again. "
        "No file that was published is destroyed: delete it in a commit instead."
    )


@hub_view(*ANY)
def git(request: HttpRequest, caller: Caller, **names: str) -> Never:
    raise NotOffered(
        "Nobody clones or pushes with git here. Use `hf download` and `hf upload`, with "
        "HF_HUB_DISABLE_XET=1."
    )

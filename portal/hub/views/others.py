"""Answer with a reason what the Hub's clients ask for and this portal doesn't have."""

from __future__ import annotations

from http import HTTPStatus
from typing import Never

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from portal.accounts.tokens.authentication import Caller
from portal.catalog.errors import RepoNotFound
from portal.errors import NotFound
from portal.hub.absent import DISCUSSIONS
from portal.hub.errors import NotOffered
from portal.hub.http import hub_view
from portal.hub.views.models import repo_of
from portal.surfaces.headers import ascii_line

ANY = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@hub_view(*ANY)
def no_such_repo(request: HttpRequest, caller: Caller, **names: str) -> Never:
    """Refuse a name without its namespace, or something that is no model."""
    raise RepoNotFound("There’s nothing at this address: a model’s name is NAMESPACE/NAME.")


@hub_view(*ANY)
def nothing(request: HttpRequest, caller: Caller, **names: str) -> Never:
    """Answer a plain 404, on which clients go on without."""
    raise NotFound("There’s nothing at this address.")


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
def absent(request: HttpRequest, caller: Caller, *, instead: str, **names: str) -> Never:
    """Say what to do instead of what the Hub has and this portal hasn't."""
    raise NotOffered(instead)


@hub_view(*ANY)
def discussions(request: HttpRequest, caller: Caller, **names: str) -> Never:
    """Answer 404 to whoever reads them, and say to others that there are none.

    On an empty list a thread of transformers sends the repo's name and the person's token to a
    conversion service; on a 404 it stops.
    """
    repo = repo_of(caller, names)
    if request.method in ("GET", "HEAD"):
        raise NotFound(f"{repo.full_name} has nothing at this address.")
    raise NotOffered(DISCUSSIONS)


NO_GIT = """\
Nobody clones or pushes with git here. Download this model with

    HF_ENDPOINT={endpoint} hf download {namespace}/{name}

and publish with `hf upload`, with HF_HUB_DISABLE_XET=1.
"""


@hub_view(*ANY)
def git(
    request: HttpRequest, caller: Caller, *, namespace: str, name: str, rest: str = ""
) -> HttpResponse:
    """Say what to do instead: git passes a refusal on to its user where it is plain text."""
    text = NO_GIT.format(endpoint=settings.BASE_URL, namespace=namespace, name=name)
    return HttpResponse(
        text,
        status=HTTPStatus.NOT_IMPLEMENTED,
        content_type="text/plain",  # with a charset git takes it for something else
        headers={"X-Error-Message": ascii_line(text)},
    )

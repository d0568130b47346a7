"""Make, set, move and delete repos, and look at a card before it is committed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.tokens.authentication import Caller
from portal.catalog.errors import MayNotPublish, RepoMoved, RepoNotFound
from portal.catalog.formats.card import LARGEST_CARD_BYTES
from portal.catalog.models import ModelRepo
from portal.catalog.services import renaming
from portal.catalog.services.lookup import find_repo
from portal.errors import TooLarge
from portal.hub.bodies import (
    CardContent,
    Duplicate,
    Move,
    NewRepo,
    RepoName,
    RepoSettings,
    read_body,
)
from portal.hub.http import hub_view
from portal.hub.hub_clients import is_before_version_1, warned
from portal.hub.metadata import front_matter
from portal.hub.rate_limit import count_write
from portal.hub.rights import (
    publishable_repo,
    require_person,
    require_publishing,
    require_publishing_anywhere,
)
from portal.hub.serializers import GATED
from portal.hub.services.duplicating import duplicate_repo
from portal.hub.services.repos import set_repo, start_repo
from portal.parsing.cards import read_head
from portal.parsing.yaml import NotYaml
from portal.surfaces.headers import ascii_line


@hub_view("POST")
def create(request: HttpRequest, caller: Caller) -> JsonResponse:
    """Make a repo. Where it exists the answer is 409 with its address, and some clients go on."""
    now = timezone.now()
    person = require_publishing_anywhere(caller)
    count_write(person, now)  # before the body: malformed calls count too
    new = read_body(request, NewRepo)
    private = _chosen_privacy(request, new)
    namespace = new.namespace_for(person)
    with _publishing_in(namespace, person):
        repo = start_repo(
            actor=person,
            namespace=namespace,
            name=new.name,
            private=settings.NEW_REPOS == "private" if private is None else private,
            now=now,
        )
    is_unasked = private is None and new.private is False
    return warned(_name_and_url(repo), "new-repo", _how_to_open(repo) if is_unasked else "")


@contextmanager
def _publishing_in(namespace: str, person: User) -> Iterator[None]:
    """Tell who makes a repo in a namespace that isn’t there what they’d be told of any other.

    An operator may publish in each that is there, and can make this one.
    """
    try:
        yield
    except RepoNotFound as error:
        if person.is_superuser:
            raise MayNotPublish(
                f"There is no namespace {namespace}. Make it at {settings.BASE_URL}/labs/new, or "
                f"by `manage.py setup --namespace {namespace}`; then send this again."
            ) from error
        raise MayNotPublish(
            f"You may not publish in {namespace}. Ask the operator for the right to."
        ) from error


def _chosen_privacy(request: HttpRequest, new: NewRepo) -> bool | None:
    """Return whether a new repo is to be private; None where nobody said.

    Clients before version 1 say that it is not private whenever their user says nothing, so from
    them that counts for nothing.
    """
    is_unasked = is_before_version_1(request) and new.visibility is None
    return None if new.is_private is False and is_unasked else new.is_private


def _how_to_open(repo: ModelRepo) -> str:
    if not repo.private:
        return ""
    return (
        f"{repo.full_name} is private: this client asks for public repos unasked. To open it to "
        f'everybody: HfApi().update_repo_settings("{repo.full_name}", private=False)'
    )


@hub_view("DELETE")
def delete(request: HttpRequest, caller: Caller) -> JsonResponse:
    now = timezone.now()
    named = read_body(request, RepoName)
    repo = _current_repo(caller, named.namespace_for(caller.person), named.name)
    person = require_publishing(caller, repo, now)
    count_write(person, now)
    renaming.delete_repo(actor=person, repo_id=repo.pk, now=now)
    return JsonResponse({})


@hub_view("POST")
def move(request: HttpRequest, caller: Caller) -> JsonResponse:
    now = timezone.now()
    wanted = read_body(request, Move)
    repo = _current_repo(caller, *wanted.from_repo)
    person = require_publishing(caller, repo, now)
    count_write(person, now)
    namespace, name = wanted.to_repo
    moved = renaming.move_repo(
        actor=person, repo_id=repo.pk, namespace=namespace, name=name, now=now
    )
    return _name_and_url(moved)


@hub_view("POST")
def duplicate(request: HttpRequest, caller: Caller, **names: str) -> JsonResponse:
    """Copy a model, private unless its maker says otherwise, and as gated as the source."""
    now = timezone.now()
    require_publishing_anywhere(caller)
    person, repo = publishable_repo(caller, names, now)
    wanted = read_body(request, Duplicate)
    namespace, name = wanted.repository
    with _publishing_in(namespace, person):
        copy = duplicate_repo(
            actor=person,
            repo_id=repo.pk,
            namespace=namespace,
            name=name,
            private=wanted.is_private is not False,
            now=now,
        )
    return _name_and_url(copy)


@hub_view("PUT")
def change(request: HttpRequest, caller: Caller, **names: str) -> JsonResponse:
    now = timezone.now()
    person, repo = publishable_repo(caller, names, now)
    wanted = read_body(request, RepoSettings)
    repo = set_repo(
        actor=person, repo_id=repo.pk, private=wanted.is_private, gated=wanted.gated, now=now
    )
    return JsonResponse({"private": repo.private, "gated": GATED[repo.download_gate]})


@hub_view("POST")
def validate_yaml(request: HttpRequest, caller: Caller) -> JsonResponse:
    """Judge the head of a card; clients ask before they commit a README.md.

    Counted like a write: clients ask once for each commit, and each has a token by then.
    """
    count_write(require_person(caller), timezone.now())
    card = read_body(request, CardContent).content
    if len(card) > LARGEST_CARD_BYTES:
        raise TooLarge("A card has at most 1 MB. Move what is longer to a file of its own.")
    try:
        metadata = read_head(card)
    except NotYaml as error:
        return _judged([f"The YAML at the head of the card can’t be read: {error}."])
    if not metadata:
        return _judged([], ["The card has no metadata in YAML at its head."])
    return _judged(front_matter.problems(metadata))


def _judged(errors: list[str], warnings: list[str] | None = None) -> JsonResponse:
    content: dict[str, Any] = {
        "errors": [{"message": error} for error in errors],
        "warnings": [{"message": warning} for warning in warnings or []],
    }
    if not errors:
        return JsonResponse(content)
    headers = {"X-Error-Message": ascii_line(errors[0])}
    return JsonResponse(content | {"error": errors[0]}, status=400, headers=headers)


def _current_repo(caller: Caller, namespace: str, name: str) -> ModelRepo:
    """Find a repo by its present name alone, so that nobody changes another than they meant."""
    try:
        return find_repo(f"{namespace}/{name}", caller=caller)
    except RepoMoved as moved:
        raise RepoNotFound(moved.message) from moved


def _name_and_url(repo: ModelRepo) -> JsonResponse:
    return JsonResponse(
        {
            "url": f"{settings.BASE_URL}/{repo.full_name}",
            "name": repo.full_name,
            "id": repo.full_name,
            "private": repo.private,
        }
    )

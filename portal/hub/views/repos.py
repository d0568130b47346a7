"""Making, setting, moving and deleting repos; and a look at a card before it is committed."""

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
from portal.errors import Invalid, TooLarge
from portal.hub.errors import NotOffered
from portal.hub.http import hub_view
from portal.hub.hub_clients import is_before_version_1, warned
from portal.hub.limits import count_write, json_object, text_of
from portal.hub.metadata import front_matter
from portal.hub.rights import (
    publishable_repo,
    require_person,
    require_publishing,
    require_publishing_anywhere,
)
from portal.hub.serializers import GATED
from portal.hub.services.duplicating import duplicate_repo
from portal.hub.services.repos import GATES, set_repo, start_repo
from portal.parsing.cards import read_head
from portal.parsing.yaml import NotYaml
from portal.surfaces.headers import ascii_line

VISIBILITIES = {"private": True, "public": False}


@hub_view("POST")
def create(request: HttpRequest, caller: Caller) -> JsonResponse:
    """409 where it exists, with its address: clients that don’t mind go on from there."""
    now = timezone.now()
    person = require_publishing_anywhere(caller)
    count_write(person, now)
    content = json_object(request)
    namespace, name = _names(content, person)
    for field in ("files", "license"):
        if content.get(field):
            raise Invalid("A repo is made without files. Commit them afterwards.", field=field)
    private = _asked_privacy(request, content)
    with _publishing_in(namespace):
        repo = start_repo(
            actor=person,
            namespace=namespace,
            name=name,
            private=settings.NEW_REPOS == "private" if private is None else private,
            now=now,
        )
    is_unasked = private is None and content.get("private") is False
    return warned(_named(repo), "new-repo", _how_to_open(repo) if is_unasked else "")


@contextmanager
def _publishing_in(namespace: str) -> Iterator[None]:
    """Tell who makes a repo in a namespace that isn’t there what they’d be told of any other."""
    try:
        yield
    except RepoNotFound as error:
        raise MayNotPublish(
            f"You may not publish in {namespace}. Ask the operator for the right to."
        ) from error


def _asked_privacy(request: HttpRequest, content: dict[str, Any]) -> bool | None:
    """Return whether a new repo is to be private; None where nobody said.

    Clients before version 1 say that it is not private whenever their user says nothing, so from
    them that counts for nothing.
    """
    private = _private(content)
    unasked = is_before_version_1(request) and content.get("visibility") is None
    return None if private is False and unasked else private


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
    content = json_object(request)
    repo = _found(caller, *_names(content, caller.person))
    person = require_publishing(caller, repo, now)
    count_write(person, now)
    renaming.delete_repo(actor=person, repo_id=repo.pk, now=now)
    return JsonResponse({})


@hub_view("POST")
def move(request: HttpRequest, caller: Caller) -> JsonResponse:
    now = timezone.now()
    content = json_object(request)
    _require_model(content)
    repo = _found(caller, *_both(content, "fromRepo"))
    person = require_publishing(caller, repo, now)
    count_write(person, now)
    namespace, name = _both(content, "toRepo")
    moved = renaming.move_repo(
        actor=person, repo_id=repo.pk, namespace=namespace, name=name, now=now
    )
    return _named(moved)


@hub_view("POST")
def duplicate(request: HttpRequest, caller: Caller, **names: str) -> JsonResponse:
    """Copy a model, private unless its maker says otherwise, and as gated as the source."""
    now = timezone.now()
    require_publishing_anywhere(caller)
    person, repo = publishable_repo(caller, names, now)
    content = json_object(request)
    namespace, name = _both(content, "repository")
    private = _private(content)
    with _publishing_in(namespace):
        copy = duplicate_repo(
            actor=person,
            repo_id=repo.pk,
            namespace=namespace,
            name=name,
            private=private is not False,
            now=now,
        )
    return _named(copy)


@hub_view("PUT")
def change(request: HttpRequest, caller: Caller, **names: str) -> JsonResponse:
    now = timezone.now()
    person, repo = publishable_repo(caller, names, now)
    content = json_object(request)
    if unknown := sorted(content.keys() - {"gated", "private", "visibility"}):
        raise Invalid(f"There is no setting “{unknown[0][:40]}” here.", field=unknown[0][:40])
    gated = content.get("gated")
    if gated is not None and (not isinstance(gated, str | bool) or gated not in GATES):
        raise Invalid("“gated” is “auto”, “manual” or false.", field="gated")
    repo = set_repo(actor=person, repo_id=repo.pk, private=_private(content), gated=gated, now=now)
    return JsonResponse({"private": repo.private, "gated": GATED[repo.download_gate]})


@hub_view("POST")
def validate_yaml(request: HttpRequest, caller: Caller) -> JsonResponse:
    """Judge the head of a card; clients ask before they commit a README.md.

    Counted like a write: clients ask once for each commit, and each has a token by then.
    """
    count_write(require_person(caller), timezone.now())
    card = text_of(json_object(request), "content", default="")
    if len(card) > LARGEST_CARD_BYTES:
        raise TooLarge("A card has at most 1 MB. Move what is longer to a file of its own.")
    try:
        content = read_head(card)
    except NotYaml as error:
        return _judged([f"The YAML at the head of the card can’t be read: {error}."])
    if not content:
        return _judged([], ["The card has no metadata in YAML at its head."])
    return _judged(front_matter.problems(content))


def _judged(errors: list[str], warnings: list[str] | None = None) -> JsonResponse:
    told = {"errors": errors, "warnings": warnings or []}
    content = {kind: [{"message": each} for each in texts] for kind, texts in told.items()}
    if not errors:
        return JsonResponse(content)
    headers = {"X-Error-Message": ascii_line(errors[0])}
    return JsonResponse(content | {"error": errors[0]}, status=400, headers=headers)


def _names(content: dict[str, Any], person: User | None) -> tuple[str, str]:
    """Without a namespace it is the caller’s own."""
    _require_model(content)
    namespace = text_of(content, "organization", default="") or (person.username if person else "")
    return namespace, text_of(content, "name")


def _both(content: dict[str, Any], field: str) -> tuple[str, str]:
    namespace, slash, name = text_of(content, field).partition("/")
    if not namespace or not slash or not name:
        raise Invalid(f"“{field}” is NAMESPACE/NAME.", field=field)
    return namespace, name


def _require_model(content: dict[str, Any]) -> None:
    if content.get("type") not in (None, "model"):
        raise NotOffered("There are only models here: leave “type” out, or make it “model”.")


def _private(content: dict[str, Any]) -> bool | None:
    """None where nothing is said of it."""
    visibility, private = content.get("visibility"), content.get("private")
    if visibility is not None:
        if not isinstance(visibility, str) or visibility not in VISIBILITIES:
            raise Invalid("“visibility” is “private” or “public”.", field="visibility")
        return VISIBILITIES[visibility]
    if private is not None and not isinstance(private, bool):
        raise Invalid("“private” is true or false.", field="private")
    return private


def _found(caller: Caller, namespace: str, name: str) -> ModelRepo:
    """By the name that it has: what it was called before is no way to it here."""
    try:
        return find_repo(f"{namespace}/{name}", caller=caller)
    except RepoMoved as moved:
        raise RepoNotFound(moved.message) from moved


def _named(repo: ModelRepo) -> JsonResponse:
    return JsonResponse(
        {
            "url": f"{settings.BASE_URL}/{repo.full_name}",
            "name": repo.full_name,
            "id": repo.full_name,
            "private": repo.private,
        }
    )

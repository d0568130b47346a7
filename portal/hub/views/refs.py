"""Making and taking away branches and tags."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from portal.accounts.tokens.authentication import Caller
from portal.catalog.services import refs
from portal.catalog.services.lookup import DEFAULT_BRANCH
from portal.errors import Invalid
from portal.hub import serializers
from portal.hub.commits.body import titled
from portal.hub.http import hub_view
from portal.hub.limits import json_object, text_of
from portal.hub.rights import publishable_repo
from portal.hub.services.repos import squash_history


@hub_view("POST", "DELETE")
def branch(request: HttpRequest, caller: Caller, *, branch: str, **names: str) -> JsonResponse:
    now = timezone.now()
    person, repo = publishable_repo(caller, names, now)
    if request.method == "DELETE":
        refs.delete_branch(actor=person, repo_id=repo.pk, name=branch, now=now)
        return JsonResponse({})
    content = json_object(request)
    if content.get("emptyBranch"):
        raise Invalid("A branch begins at a revision. Leave out emptyBranch.", field="emptyBranch")
    start = text_of(content, "startingPoint", default="") or DEFAULT_BRANCH
    made = refs.create_branch(actor=person, repo_id=repo.pk, name=branch, start=start, now=now)
    return JsonResponse(serializers.ref(made))


@hub_view("POST", "DELETE")
def tag(request: HttpRequest, caller: Caller, *, rest: str, **names: str) -> JsonResponse:
    """Made at a revision, which the address names; taken away by its own name."""
    now = timezone.now()
    person, repo = publishable_repo(caller, names, now)
    if request.method == "DELETE":
        refs.delete_tag(actor=person, repo_id=repo.pk, name=rest, now=now)
        return JsonResponse({})
    content = json_object(request)
    made = refs.create_tag(
        actor=person,
        repo_id=repo.pk,
        name=text_of(content, "tag"),
        at=rest,
        message=text_of(content, "message", default=""),
        now=now,
    )
    return JsonResponse(serializers.ref(made))


@hub_view("POST")
def squash(request: HttpRequest, caller: Caller, *, branch: str, **names: str) -> JsonResponse:
    now = timezone.now()
    person, repo = publishable_repo(caller, names, now)
    title, message = titled(text_of(json_object(request), "message"))
    made = squash_history(
        actor=person, repo_id=repo.pk, branch=branch, title=title, message=message, now=now
    )
    return JsonResponse({"commitOid": made.commit})

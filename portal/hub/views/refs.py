"""Make and take away branches and tags, and squash a branch's history."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from portal.accounts.tokens.authentication import Caller
from portal.catalog.services import refs
from portal.catalog.services.lookup import DEFAULT_BRANCH
from portal.hub import serializers
from portal.hub.bodies import NewBranch, NewTag, Squash, read_body
from portal.hub.commits.body import titled
from portal.hub.http import hub_view
from portal.hub.rights import publishable_repo
from portal.hub.services.repos import squash_history


@hub_view("POST", "DELETE")
def branch(request: HttpRequest, caller: Caller, *, branch: str, **names: str) -> JsonResponse:
    now = timezone.now()
    person, repo = publishable_repo(caller, names, now)
    if request.method == "DELETE":
        refs.delete_branch(actor=person, repo_id=repo.pk, name=branch, now=now)
        return JsonResponse({})
    start = read_body(request, NewBranch).starting_point or DEFAULT_BRANCH
    made = refs.create_branch(actor=person, repo_id=repo.pk, name=branch, start=start, now=now)
    return JsonResponse(serializers.ref(made))


@hub_view("POST", "DELETE")
def tag(request: HttpRequest, caller: Caller, *, rest: str, **names: str) -> JsonResponse:
    """Make a tag at the revision that the address names, or take away the tag of that name."""
    now = timezone.now()
    person, repo = publishable_repo(caller, names, now)
    if request.method == "DELETE":
        refs.delete_tag(actor=person, repo_id=repo.pk, name=rest, now=now)
        return JsonResponse({})
    new = read_body(request, NewTag)
    made = refs.create_tag(
        actor=person, repo_id=repo.pk, name=new.tag, at=rest, message=new.message, now=now
    )
    return JsonResponse(serializers.ref(made))


@hub_view("POST")
def squash(request: HttpRequest, caller: Caller, *, branch: str, **names: str) -> JsonResponse:
    now = timezone.now()
    person, repo = publishable_repo(caller, names, now)
    title, message = titled(read_body(request, Squash).message)
    made = squash_history(
        actor=person, repo_id=repo.pk, branch=branch, title=title, message=message, now=now
    )
    return JsonResponse({"commitOid": made.commit})

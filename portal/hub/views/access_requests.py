"""Let administrators list and decide access requests over the Hub's protocol.

The services are those of the pages.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from portal.access.errors import RequestNotFound, VotesMissing
from portal.access.models import AccessRequest
from portal.access.policy.policy import Action
from portal.access.policy.refusals import require_may, require_may_decide
from portal.access.review.hub.decisions import grant_access, move_request
from portal.access.review.hub.lists import HubAccessStatus, accepted_of, pending_of, rejected_of
from portal.accounts.models import User
from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import ModelRepo
from portal.errors import Invalid, NotFound
from portal.hub import serializers
from portal.hub.bodies import Grantee, ListChange, read_body
from portal.hub.http import hub_view, json_list, page_of
from portal.hub.views.models import repo_of

PAGE = 100
Rows = Callable[[ModelRepo, User, datetime], Any]
LISTS: dict[str, tuple[Rows, Callable[[Any], dict[str, Any]]]] = {
    HubAccessStatus.PENDING: (
        lambda repo, reader, now: pending_of(repo, reader),
        lambda row: serializers.access_request_row(row, HubAccessStatus.PENDING),
    ),
    HubAccessStatus.ACCEPTED: (accepted_of, serializers.grant_row),
    HubAccessStatus.REJECTED: (
        rejected_of,
        lambda row: serializers.access_request_row(row, HubAccessStatus.REJECTED),
    ),
}


def _administered(
    caller: Caller, names: dict[str, str], now: datetime, *, deciding: bool = False
) -> tuple[ModelRepo, User]:
    """Return the repo and its administrator, who calls to read the lists or to decide."""
    repo = repo_of(caller, names)
    if deciding:
        require_may_decide(caller, repo, now)
    else:
        require_may(caller, Action.ADMINISTER, repo, now)
    # After the permission, so that a stranger doesn't learn how the gate is set.
    if not repo.is_gated:
        raise Invalid(f"{repo.full_name} is open to everybody, so nobody asks for it.")
    if caller.person is None:
        raise RequestNotFound
    return repo, caller.person


@hub_view("GET")
def index(request: HttpRequest, caller: Caller, *, status: str, **names: str) -> JsonResponse:
    """List who waits, who has access, or who was declined."""
    now = timezone.now()
    repo, reader = _administered(caller, names, now)
    if status not in LISTS:
        raise NotFound("The lists are pending, accepted and rejected.")
    rows_of, shown = LISTS[status]
    rows, headers = page_of(request, rows_of(repo, reader, now), default=PAGE)
    return json_list([shown(row) for row in rows], headers)


@hub_view("POST")
def handle(request: HttpRequest, caller: Caller, **names: str) -> JsonResponse:
    """Move one request to another list: accept, cancel or reject it."""
    now = timezone.now()
    repo, actor = _administered(caller, names, now, deciding=True)
    decision = read_body(request, ListChange)
    if decision.user is not None:
        person = _person(decision.user)
    else:
        person = _by_request(repo, actor, str(decision.request_id))
    is_final = move_request(
        actor=actor,
        repo=repo,
        user=person,
        to=decision.status,
        reason=decision.rejection_reason,
        now=now,
    )
    if not is_final:
        raise VotesMissing
    return JsonResponse({"status": str(decision.status), "user": person.username})


@hub_view("POST")
def grant(request: HttpRequest, caller: Caller, **names: str) -> JsonResponse:
    """Give somebody access, whether they asked or not."""
    now = timezone.now()
    repo, actor = _administered(caller, names, now, deciding=True)
    person = _person(read_body(request, Grantee).user)
    if not grant_access(actor=actor, repo=repo, user=person, now=now):
        raise VotesMissing
    return JsonResponse({"status": str(HubAccessStatus.ACCEPTED), "user": person.username})


def _person(username: str) -> User:
    person: User | None = User.objects.filter(username__iexact=username, is_active=True).first()
    if person is None:
        raise NotFound(f"Nobody here is named {username[:100]}.", field="user")
    return person


def _by_request(repo: ModelRepo, actor: User, name: str) -> User:
    """Find a person as the lists name them. Raises RequestNotFound.

    A request is named by its number, and a grant that nobody asked for by its own after a G.
    """
    number = name.removeprefix("G")
    if not (number.isascii() and number.isdigit() and len(number) < 18):
        raise RequestNotFound
    if name.startswith("G"):
        people = User.objects.filter(grants__repo=repo, grants=int(number))
    else:
        readable = AccessRequest.objects.readable_by(actor).asking_for(repo).filter(pk=int(number))
        people = User.objects.filter(access_requests__in=readable)
    person: User | None = people.first()
    if person is None:
        raise RequestNotFound
    return person

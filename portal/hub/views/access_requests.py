"""Access requests in the Hub's words, for who administers a model: the pages' own services."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from portal.access.errors import RequestNotFound, VotesMissing
from portal.access.models import AccessRequest, Grant
from portal.access.policy.policy import Action
from portal.access.policy.refusals import require_may, require_may_decide
from portal.access.review.hub.decisions import grant_access, move_request
from portal.access.review.hub.lists import HubAccessStatus, accepted_of, pending_of, rejected_of
from portal.accounts.models import User
from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import ModelRepo
from portal.errors import Invalid, NotFound
from portal.hub import serializers
from portal.hub.http import hub_view, json_list, page_of
from portal.hub.limits import json_object, text_of
from portal.hub.views.models import repo_of

LONGEST_REASON = 200
PAGE = 100
Rows = Callable[[ModelRepo, User, datetime], Any]
LISTS: dict[str, tuple[Rows, Callable[[Any], dict[str, Any]]]] = {
    HubAccessStatus.PENDING: (
        lambda repo, reader, now: pending_of(repo, reader),
        lambda row: serializers.asked(row, HubAccessStatus.PENDING),
    ),
    HubAccessStatus.ACCEPTED: (accepted_of, serializers.accepted),
    HubAccessStatus.REJECTED: (
        rejected_of,
        lambda row: serializers.asked(row, HubAccessStatus.REJECTED),
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
    if not repo.is_gated:
        raise Invalid(f"{repo.full_name} is open to everybody, so nobody asks for it.")
    if caller.person is None:
        raise RequestNotFound
    return repo, caller.person


@hub_view("GET")
def index(request: HttpRequest, caller: Caller, *, status: str, **names: str) -> JsonResponse:
    """Who waits, who has access, or who was declined."""
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
    content = json_object(request)
    to, reason = _decision(content)
    person = _asker(repo, actor, content)
    if not move_request(actor=actor, repo=repo, user=person, to=to, reason=reason, now=now):
        raise VotesMissing
    return JsonResponse({"status": str(to), "user": person.username})


@hub_view("POST")
def grant(request: HttpRequest, caller: Caller, **names: str) -> JsonResponse:
    """Give somebody access, whether they asked or not."""
    now = timezone.now()
    repo, actor = _administered(caller, names, now, deciding=True)
    person = _person(text_of(json_object(request), "user").strip())
    if not grant_access(actor=actor, repo=repo, user=person, now=now):
        raise VotesMissing
    return JsonResponse({"status": str(HubAccessStatus.ACCEPTED), "user": person.username})


def _decision(content: dict[str, Any]) -> tuple[HubAccessStatus, str]:
    """Where to, and why: a reason is for rejecting alone."""
    status = content.get("status")
    if status not in list(HubAccessStatus):
        raise Invalid("status is accepted, pending or rejected.", field="status")
    if content.get("rejectionReason") is None:
        return HubAccessStatus(status), ""
    if status != HubAccessStatus.REJECTED:
        raise Invalid("A reason is for rejecting alone. Leave it out.", field="rejectionReason")
    reason = text_of(content, "rejectionReason").strip()
    if not reason or len(reason) > LONGEST_REASON:
        raise Invalid(f"The reason has 1 to {LONGEST_REASON} characters.", field="rejectionReason")
    return HubAccessStatus.REJECTED, reason


def _asker(repo: ModelRepo, actor: User, content: dict[str, Any]) -> User:
    """By name or by request: exactly one of them."""
    given = [name for name in ("user", "requestId") if content.get(name) is not None]
    if len(given) != 1:
        raise Invalid("Name a user or a requestId, and not both.", field="user")
    if given == ["user"]:
        return _person(text_of(content, "user").strip())
    return _by_request(repo, actor, str(content["requestId"]))


def _person(username: str) -> User:
    person: User | None = User.objects.filter(username__iexact=username, is_active=True).first()
    if person is None:
        raise NotFound(f"Nobody here is named {username[:100]}.", field="user")
    return person


def _by_request(repo: ModelRepo, actor: User, name: str) -> User:
    """As the lists name it: a request by its number, a grant that nobody asked for by its own."""
    number = name.removeprefix("G")
    if not (number.isascii() and number.isdigit() and len(number) < 18):
        raise RequestNotFound
    if name.startswith("G"):
        grant = Grant.objects.filter(repo=repo, pk=int(number)).select_related("person").first()
        found = grant.person if grant else None
    else:
        read = AccessRequest.objects.readable_by(actor).filter(repo=repo, pk=int(number))
        request = read.select_related("applicant").first()
        found = request.applicant if request else None
    if found is None:
        raise RequestNotFound
    return found

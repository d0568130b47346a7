"""An act of review by a token takes the scope ``review``, whoever owns the token."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.models import Scope, User
from portal.accounts.tokens.scopes import scopes_of
from portal.catalog.models import ModelRepo
from tests.factories.access import make_request
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_repo
from tests.factories.grants import make_administrator
from tests.portal.api.operations import OPERATIONS
from tests.portal.world import bearer

SAFE = {"get", "head"}
REVIEWS = {
    "approve",
    "ask",
    "assign",
    "bulk_decide",
    "change_quotas",
    "claim",
    "clear",
    "clear_member_check",
    "decide",
    "decline",
    "declare_conflict",
    "dispose",
    "invite_guest",
    "override",
    "release",
    "remove_guest",
    "reopen",
    "settle",
    "undo",
    "vouch",
    "write_note",
}
"""These operations decide on somebody's access, or prepare that; each has its own name."""
HUB = ("accepted", "pending", "rejected", "grant")


def _filled(route: str) -> str:
    parts = [
        part if "<" not in part else "0" if "int:" in part else "nobody"
        for part in route.split("/")
    ]
    return "/".join(parts)


ACTS = [
    operation
    for operation in OPERATIONS
    if operation.method not in SAFE and operation.scope == Scope.REVIEW
]


def test_these_are_the_acts_of_review():
    assert {operation.id for operation in ACTS} == REVIEWS


def team_member(repo: ModelRepo) -> User:
    return make_administrator(repo)


def owner(repo: ModelRepo) -> User:
    person: User = repo.namespace.roles.exclude(user__is_superuser=True).get().user
    return person


def operator(repo: ModelRepo) -> User:
    return make_user(superuser=True)


PEOPLE = [team_member, owner, operator]


def by_scope(person: User) -> dict[str, Client]:
    """Return, for each scope that they may use, a client with a token of it alone."""
    secrets = {
        scope: make_token(person, scope, now=timezone.now())[1] for scope in scopes_of(person)
    }
    return {
        scope: Client(raise_request_exception=False, headers=bearer(secret))
        for scope, secret in secrets.items()
    }


def send(client: Client, method: str, url: str, content: Any) -> Any:
    return getattr(client, method)(url, content, content_type="application/json")


@pytest.mark.django_db
@pytest.mark.parametrize("make", PEOPLE)
def test_in_the_api_no_other_scope_does_it(make):
    for scope, client in by_scope(make(make_repo())).items():
        for operation in ACTS:
            url = f"/api/v1/{_filled(operation.route)}"
            answer = send(client, operation.method, url, {})
            refused = answer.status_code == 403 and answer.json()["error"]["code"] == "scope"
            assert refused == (scope != Scope.REVIEW), (operation.id, scope)


def decide(client: Client, repo: ModelRepo, to: str, name: str) -> Any:
    url = f"/api/models/{repo.full_name}/user-access-request/"
    if to == "grant":
        return send(client, "post", f"{url}grant", {"user": name})
    return send(client, "post", f"{url}handle", {"user": name, "status": to})


@pytest.mark.django_db
@pytest.mark.parametrize("make", PEOPLE)
def test_by_the_hubs_protocol_no_other_scope_does_it(make):
    repo = make_repo()
    clients, request = by_scope(make(repo)), make_request(repo)
    reviews = clients.pop(Scope.REVIEW)
    for to in HUB:
        for scope, client in clients.items():
            answer = decide(client, repo, to, request.applicant.username)
            assert answer.status_code == 403, (to, scope)
            assert "This token may not do that" in answer["X-Error-Message"]
    request.refresh_from_db()
    assert request.state == "in_review"
    assert decide(reviews, repo, "grant", make_user().username).status_code == 200

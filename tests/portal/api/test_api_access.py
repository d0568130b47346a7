"""The API's permissions by session and by token, its rate limit, and the form of refusals."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisConnectionError

from portal.accounts.models import Scope
from portal.api.base.throttling import WriteThrottle
from tests.factories.access import make_request
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_entity_grant
from tests.portal.api.api_calls import by_token, code_of, fields_of, in_session
from tests.portal.api.operations import OPERATIONS, Operation

pytestmark = pytest.mark.django_db


def answer(client: Client, each: Operation) -> Any:
    body = {} if each.method == "get" else {"content_type": "application/json", "data": {}}
    return getattr(client, each.method)(each.url, **body)


def bearer(person: Any, *scopes: str) -> Client:
    _, secret = make_token(person, *scopes, now=timezone.now())
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {secret}"})


def test_each_operation_asks_for_what_it_says_and_nothing_else():
    """A superuser's tokens, one for each scope, so that nothing but the scope is missing."""
    person = make_user(superuser=True)
    make_reviewer_of_something(person)
    tokens = {scope: bearer(person, scope) for scope in Scope}
    for operation in OPERATIONS:
        cache.clear()
        assert (answer(Client(), operation).status_code == 401) != operation.is_open, str(operation)
        for scope, client in tokens.items():
            response = answer(client, operation)
            code = code_of(response) if response.status_code == 403 else ""
            lacks = operation.scope is not None and operation.scope != scope
            assert (code == "scope") == lacks, f"{operation} by {scope}: {response.content!r}"
            assert (code == "session_only") == operation.takes_session, str(operation)


def make_reviewer_of_something(person: Any) -> None:
    from portal.catalog.models import TeamMember

    TeamMember.objects.create(repo=make_repo(), user=person, role="administrator")


def test_no_operation_breaks_on_an_empty_or_a_strange_call():
    person = make_user(superuser=True)
    client = Client(raise_request_exception=False)
    client.force_login(person)
    for operation in OPERATIONS:
        cache.clear()
        assert answer(client, operation).status_code < 500, str(operation)
        assert client.options(operation.url).status_code < 500, str(operation)
        if operation.method == "get":
            url = f"{operation.url}?page=0&q=%C3%28&limit=x"
            assert client.get(url).status_code < 500, str(operation)
            continue
        for body in ("null", "7", "{", '{"a": 1}', "[[{}]]"):
            send = getattr(client, operation.method)
            sent = send(operation.url, body, content_type="application/json")
            assert 400 <= sent.status_code < 500 or sent.status_code in (200, 201, 204), (
                f"{operation} {body}: {sent.content!r}"
            )


def test_what_writes_for_oneself_needs_a_session():
    for operation in OPERATIONS:
        if operation.method != "get":
            assert operation.takes_session or operation.scope in Scope, str(operation)


def test_a_session_writes_only_with_its_csrf_token():
    person = make_user()
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    refused = client.post("/api/v1/affiliations/check/", content_type="application/json")
    assert refused.status_code == 403
    assert "CSRF" in refused.json()["error"]["message"]
    client.get("/profile")
    token = client.cookies["csrftoken"].value
    done = client.post(
        "/api/v1/affiliations/check/",
        content_type="application/json",
        headers={"X-CSRFToken": token},
    )
    assert done.status_code == 200


def test_every_refusal_has_one_form():
    api = in_session(make_user())
    refusals = [
        in_session(None).get("requests"),
        api.get("queue/1"),
        api.get("organizations"),
        api.post("requests", repo="a/b"),
        api.client.post("/api/v1/requests/", "{", content_type="application/json"),
        api.client.post("/api/v1/requests/", {"repo": "a/b"}),
        api.put("requests"),
        api.get("requests", page=99),
        api.get("nothing"),
    ]
    statuses = [refusal.status_code for refusal in refusals]
    assert statuses == [401, 404, 400, 404, 400, 415, 405, 404, 404]
    for refusal in refusals:
        assert set(refusal.json()) == {"error"}
        assert set(refusal.json()["error"]) == {"code", "message", "fields", "help_url"}
        assert refusal.json()["error"]["message"]


def test_pages_hold_a_hundred_rows_at_most():
    person, repo = make_user(), make_repo()
    make_request(repo, person)
    api = in_session(person)
    assert api.get("requests", limit=1).json()["count"] == 1
    assert api.get("requests", limit=100_000).status_code == 200
    assert fields_of(api.get("requests", size=5)) == {"size"}
    assert api.get("requests", page=99).status_code == 404


def test_writing_too_often_is_put_off(monkeypatch):
    monkeypatch.setattr(WriteThrottle, "rate", "2/min", raising=False)
    cache.clear()
    api = in_session(make_user())
    statuses = [api.post("affiliations/check").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    put_off = api.post("affiliations/check")
    assert int(put_off["Retry-After"]) > 0
    assert code_of(put_off) == "too_many"
    assert api.get("affiliations").status_code == 200
    assert in_session(make_user()).post("affiliations/check").status_code == 200


def test_while_nothing_can_count_nobody_is_kept_from_working(monkeypatch):
    def gone(*_: object, **__: object) -> None:
        raise RedisConnectionError

    monkeypatch.setattr(WriteThrottle.cache, "get", gone)
    assert in_session(make_user()).post("affiliations/check").status_code == 200


def test_a_token_for_some_models_shows_only_their_requests():
    person, one, two = make_user(), make_repo(), make_repo()
    first, second = make_request(one, person), make_request(two, person)
    api = by_token(person, Scope.DOWNLOAD, repo_ids=[one.pk])
    assert [row["id"] for row in api.get("requests").json()["results"]] == [first.pk]
    assert api.get(f"requests/{second.pk}").status_code == 404


def test_a_reviewers_download_token_reads_no_queue():
    repo = make_repo()
    case = make_request(repo)
    api = by_token(make_reviewer(repo), Scope.DOWNLOAD)
    refused = api.get(f"queue/{case.pk}")
    assert (refused.status_code, code_of(refused)) == (403, "scope")
    assert refused.json()["error"]["help_url"] == "/tokens"


def test_a_reviewers_download_token_reads_nobody_elses_grant_members_or_signature():
    grant, other = make_entity_grant(), make_repo()
    reviewer = make_reviewer(grant.repo)
    reviewer.team_memberships.create(repo=other, role="reviewer")
    for path in ("grants/{}", "grants/{}/members", "signatures/{}"):
        key = grant.acceptance_id if path.startswith("signatures") else grant.pk
        answers = [
            by_token(reviewer, Scope.DOWNLOAD),
            by_token(reviewer, Scope.REVIEW, repo_ids=[other.pk]),
            by_token(reviewer, Scope.REVIEW, repo_ids=[grant.repo_id]),
            by_token(grant.person, Scope.DOWNLOAD),
        ]
        codes = [api.get(path.format(key)).status_code for api in answers]
        assert codes == [404, 404, 200, 200], path


@pytest.mark.parametrize("name", ["team", "gate", "uploads"])
def test_options_describe_a_view_and_change_nothing(client, name):
    client.force_login(make_user(superuser=True))
    answer = client.options(f"/api/v1/models/{make_repo().full_name}/{name}/")
    assert answer.status_code == 200
    assert "actions" not in answer.json()

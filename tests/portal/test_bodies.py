"""Bodies that no reader can take are refused in the surface's own form, wherever they are sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.parsing.json import LARGEST_BODY_BYTES
from tests.factories.access import make_grant, make_request
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_repo, make_revision
from tests.factories.grants import make_administrator
from tests.portal.world import bearer

HOSTILE = {
    "depth": b"[" * 200_000,
    "depth of objects": b'{"a":' * 200_000,
    "a surrogate in a name": rb'{"\ud800": 1, "repo": "a/b"}',
    "a surrogate in a value": rb'{"user": "\ud800", "repo": "\udfff", "model": "\ud800"}',
    "a surrogate deep inside": rb'{"answers": {"\ud800": "x"}, "status": {"a": ["\udc00"]}}',
    "U+0000": rb'{"user": "a\u0000b", "repo": "a\u0000/b", "model": "a\u0000b"}',
    "a long integer": b'{"page": 1' + b"0" * 400 + b"}",
    "an integer past Python's limit": b'{"page": 1' + b"0" * 5000 + b"}",
    "a number without end": b'{"temperature": 1e999, "user": 1e999}',
    "no number": b'{"temperature": NaN, "user": -Infinity}',
    "a name twice": b'{"user": "a", "user": "b"}',
    "another encoding": '{"user": "a"}'.encode("utf-16"),
    "no encoding": b'{"user": "\xff\xfe"}',
    "no object": b"[1, 2]",
    "nothing": b"",
}
TOO_LARGE = b'{"user": "' + b"x" * LARGEST_BODY_BYTES + b'"}'


@dataclass
class Door:
    """An address of one surface, with what opens it."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    person: User | None = None

    def send(self, body: bytes) -> Any:
        client = Client(raise_request_exception=False)
        if self.person is not None:
            client.force_login(self.person)
        return client.generic(
            self.method, self.url, body, content_type="application/json", headers=self.headers
        )


@pytest.fixture
def doors(db) -> dict[str, Door]:
    cache.clear()
    repo = make_repo()
    now = timezone.now()
    administrator = make_administrator(repo)
    draft = make_request(repo)
    authorization = bearer(make_token(draft.applicant, now=now)[1])
    publisher = repo.namespace.roles.exclude(user__is_superuser=True).get().user
    publishing = bearer(make_token(publisher, now=now)[1])
    theirs = bearer(make_token(administrator, now=now)[1])
    address = f"/api/models/{repo.full_name}/user-access-request"
    return {
        "rest, a new request": Door("POST", "/api/v1/requests/", person=draft.applicant),
        "rest, a change": Door("PATCH", f"/api/v1/requests/{draft.pk}/", person=draft.applicant),
        "rest, no body": Door("DELETE", f"/api/v1/requests/{draft.pk}/", person=draft.applicant),
        "hub, handling": Door("POST", f"{address}/handle", theirs),
        "hub, granting": Door("POST", f"{address}/grant", theirs),
        "hub, a card": Door("POST", "/api/validate-yaml", authorization),
        "hub, a new repo": Door("POST", "/api/repos/create", publishing),
        "openai": Door("POST", "/v1/completions", authorization),
    }


def refusal(door: Door, body: bytes) -> tuple[int, str]:
    """Return the status and words of an answer, which must be JSON in the surface's form."""
    response = door.send(body)
    assert response["Content-Type"].startswith("application/json"), response.content[:200]
    error = json.loads(response.content)["error"]
    if door.url.startswith("/api/v1/"):
        assert set(error) == {"code", "message", "fields", "help_url"}
    elif door.url.startswith("/v1/"):
        assert set(error) == {"message", "type", "param", "code"}
    return response.status_code, error if isinstance(error, str) else error["message"]


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_no_surface_breaks_on_it(doors, body):
    answers = {name: refusal(door, body) for name, door in doors.items()}
    assert {name: answer for name, answer in answers.items() if not 400 <= answer[0] < 500} == {}


def test_more_than_four_megabytes_are_a_413(doors):
    answers = {name: refusal(door, TOO_LARGE)[0] for name, door in doors.items()}
    assert set(answers.values()) == {413}, answers


def test_a_form_of_more_than_four_megabytes_is_a_413_too(db, tmp_path):
    whoever = bearer(make_token(make_user(), now=timezone.now())[1])
    body = b"paths=" + b"x" * LARGEST_BODY_BYTES
    form = "application/x-www-form-urlencoded"
    client = Client(raise_request_exception=False)
    repo = make_repo()
    make_revision(repo, tmp_path / "in")
    hub = client.post(f"/api/models/{repo.full_name}/paths-info/main", body, form, headers=whoever)
    assert (hub.status_code, hub["Content-Type"]) == (413, "application/json")
    page = client.post("/accounts/login/", body, form)
    assert page.status_code == 413
    assert "Send at most 4 MB" in page.text


@pytest.mark.parametrize(
    "query",
    ["min:" + "9" * 400, "max:" + "9" * 15 + "T", "min:1." + "0" * 5000, "min:99999999999999T"],
)
def test_a_huge_number_in_a_query_breaks_nothing(client, db, query):
    assert client.get("/api/models", {"num_parameters": query}).status_code in (200, 400)


def test_no_form_may_hold_u0000(client, db):
    grant = make_grant(make_repo())
    client.force_login(make_administrator(grant.repo))
    response = client.post(f"/grants/{grant.pk}/revoke", {"reason": "a\0b"})
    assert response.status_code == 400
    assert "U+0000" in response.text

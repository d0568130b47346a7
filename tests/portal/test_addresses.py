"""Odd characters in addresses are told on every surface, in its own form."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from portal.surfaces.headers import ascii_line
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo

pytestmark = pytest.mark.django_db

PLACES = [
    "/a%00b/c",
    "/licences/x/%00",
    "/api/models?search=%00",
    "/api/models?filter=license:%00",
    "/api/models/%00/x",
    "/a/b/resolve/%00/config.json",
    "/v1/models/a/%00",
    "/api/v1/models/%00/x/",
]


@pytest.mark.parametrize("place", PLACES)
def test_a_nul_is_refused_before_any_look_up(client, place):
    assert client.get(place).status_code in (400, 404)


@pytest.mark.parametrize("place", ["?revision=%00", "?revision=x%00y"])
def test_a_model_page_says_what_is_wrong(client, place):
    response = client.get(f"/{make_repo().full_name}{place}")
    assert response.status_code == 400
    assert "U+0000" in response.text


def test_who_is_signed_in_reads_the_same(client):
    client.force_login(make_user())
    assert client.get(reverse("access:start", args=["a", "b\0"])).status_code == 400


@pytest.mark.parametrize("character", ["%01", "%7F", "%1B"])
def test_control_characters_reach_no_header(client, character):
    response = client.get(f"/api/models?expand={character}")
    assert response.status_code == 400
    assert response["X-Error-Message"].isprintable()


def test_a_header_stays_short_however_long_the_address():
    assert len(ascii_line("x" * 60_000)) == 1000


# --- addresses that lead nowhere

NOWHERE = [
    "/tokenize",
    "/tokenize/",
    "/completions",
    "/embeddings",
    "/no/such",
    "/no/such/",
    "/no/such/commit/abc",
    "/no/such/tree/main/x",
    "/no/such/verify/main",
    "/no/such/thing/at/all",
    "/api/nothing",
    "/v1/nothing",
    "/.well-known/nothing",
]
METHODS = ["post", "put", "patch", "delete", "options", "head", "get"]


@pytest.fixture
def strict_client():
    """Return a client whose forms' tokens are checked, as browsers' are."""
    return Client(enforce_csrf_checks=True)


@pytest.mark.parametrize("place", NOWHERE)
def test_nothing_is_there_by_any_method(strict_client, place):
    for method in METHODS:
        answer = strict_client.generic(method.upper(), place, follow=True)
        if answer.status_code in (301, 302):
            answer = strict_client.get(answer["Location"])
        assert answer.status_code in (401, 404), (method, answer.status_code)


@pytest.mark.parametrize("place", ["/tokenize", "/no/such", "/no/such/thing/at/all"])
@pytest.mark.parametrize("names", [{"content_type": "application/json"}, {"accept": "json"}])
def test_a_program_that_mistypes_an_address_reads_json(strict_client, place, names):
    headers = {"Accept": "application/json"} if "accept" in names else {}
    content_type = names.get("content_type", "text/plain")
    answer = strict_client.post(place, "{}", content_type=content_type, headers=headers)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")
    assert "nothing" in answer.json()["error"]["message"].lower()


def test_a_page_that_is_there_is_not_written_to(strict_client):
    name = make_repo().full_name
    for place in (f"/{name}", f"/{name.split('/')[0]}", f"/{name}/"):
        answer = strict_client.post(place)
        assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")

"""Whatever goes wrong, a program is told in its own form, and a person in words."""

from __future__ import annotations

import pytest
from django.test import Client

from portal.accounts.tokens.secrets import new_secret
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db

PROGRAMS = ["/api/whoami-v2", "/v1/models", "/api/v1/models/", "/a/b/resolve/main/x"]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Client:
    """Return a client of a portal in which every query fails."""

    def fail(*arguments: object, **named: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("django.db.models.query.QuerySet._fetch_all", fail)
    return Client(raise_request_exception=False)


@pytest.mark.parametrize("place", PROGRAMS)
def test_a_failure_is_json_to_a_program(broken, place):
    response = broken.get(place, headers={"Authorization": f"Bearer {new_secret()}"})
    assert response.status_code == 500
    assert response["Content-Type"].startswith("application/json")
    assert "error" in response.json()


def test_a_failure_is_a_page_to_a_person(broken):
    response = broken.get("/")
    assert response.status_code == 500
    assert "Something broke on our side" in response.text


@pytest.mark.parametrize("place", ["/api/v1/nothing", "/api/nothing", "/v1/nothing"])
def test_an_unknown_address_is_json_to_a_program(client, place):
    response = client.get(place)
    assert response.status_code in (401, 404)
    assert response["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("back", ["%", "<script>", "x", "//evil.example", "http://evil.example"])
def test_the_theme_goes_back_only_within_the_site(client, back):
    assert client.post("/theme", {"theme": "dark", "next": back})["Location"] == "/"


@pytest.mark.parametrize("place", ["/theme", "/accounts/login/", "/v1/completions"])
@pytest.mark.parametrize("charset", ["utf-16", "nonsense", "utf-7"])
def test_a_charset_that_cannot_be_read_is_told(client, place, charset):
    kind = f"application/x-www-form-urlencoded; charset={charset}"
    response = client.generic("POST", place, b"a=1", content_type=kind)
    assert response.status_code == 400
    assert "UTF-8" in response.text


def test_letters_go_to_a_proved_address():
    person = make_user()
    person.emailaddress_set.update(verified=False)
    person.emailaddress_set.create(email="proved@example.org", verified=True)
    assert person.letter_address == "proved@example.org"

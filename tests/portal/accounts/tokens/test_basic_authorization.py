"""Tools that know a user and a password send the token as one of them; a password is none."""

from __future__ import annotations

from base64 import b64encode

import pytest
from django.utils import timezone

from tests.factories.accounts import make_token, make_user
from tests.portal.world import bearer

pytestmark = pytest.mark.django_db
WHOAMI = "/api/whoami-v2"
SURFACES = [WHOAMI, "/v1/models/a/b", "/api/v1/queue/", "/a/b/resolve/main/x", "/api/models/a/b"]
BROWSERS = [
    {"Accept": "text/html,application/xhtml+xml"},
    {"Sec-Fetch-Mode": "navigate"},
    {"Sec-Fetch-Mode": "no-cors", "Accept": "image/avif"},
    {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"},
]


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


@pytest.fixture
def secret() -> str:
    return make_token(make_user("ada"), now=timezone.now())[1]


@pytest.mark.parametrize(
    "pair",
    [("anybody", "TOKEN"), ("", "TOKEN"), ("TOKEN", ""), ("TOKEN", "x-oauth-basic")],
    ids=str,
)
def test_the_token_is_found_in_either_place(client, secret, pair):
    user, password = (part.replace("TOKEN", secret) for part in pair)
    response = client.get(WHOAMI, headers=basic(user, password))
    assert response.json()["name"] == "ada"


def test_the_prefix_of_the_hub_may_stand_before_it(client, secret):
    for sent in (bearer(f"hf_{secret}"), basic("ada", f"hf_{secret}")):
        assert client.get(WHOAMI, headers=sent).json()["name"] == "ada"
    assert client.get(WHOAMI, headers=bearer(f"hf_hf_{secret}")).status_code == 401


def test_a_password_of_an_account_opens_nothing(client):
    person = make_user("ada")
    person.set_password("correct horse battery")
    person.save()
    for sent in (
        basic("ada", "correct horse battery"),
        basic(person.email, "correct horse battery"),
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic /w=="},
    ):
        response = client.get(WHOAMI, headers=sent)
        assert response.status_code == 401
        assert response["X-Error-Message"] == "Invalid credentials in Authorization header"


@pytest.mark.parametrize("place", SURFACES)
@pytest.mark.parametrize("sent", [{}, bearer("wg_wrong")], ids=["nothing", "a wrong token"])
def test_each_401_names_what_may_be_sent(client, place, sent):
    response = client.get(place, headers=sent)
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Basic realm=")
    assert response["WWW-Authenticate"].endswith("Bearer")


@pytest.mark.parametrize("sent", BROWSERS, ids=str)
def test_no_browser_asks_its_user_for_a_password(client, sent):
    response = client.get(WHOAMI, headers=sent)
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")

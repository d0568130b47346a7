"""Every answer's headers say who may keep it, and what a browser may do with it."""

from __future__ import annotations

import pytest

from tests.factories.access import make_request
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_repo, make_reviewer

pytestmark = pytest.mark.django_db
PRIVATE = "private, no-store"


@pytest.mark.parametrize(
    "address",
    ["/access", "/queue", "/queue/{case}", "/downloads", "/profile", "/tokens", "/", "/no"],
)
def test_no_cache_keeps_a_signed_in_persons_page(client, address):
    case = make_request(make_repo())
    client.force_login(make_reviewer(case.repo))
    answer = client.get(address.format(case=case.pk))
    assert "no-store" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]


@pytest.mark.parametrize("address", ["/api/v1/requests/", "/api/whoami-v2", "/v1/models"])
def test_no_cache_keeps_what_a_token_is_told(client, address):
    _, secret = make_token(make_user())
    answer = client.get(address, headers={"Authorization": f"Bearer {secret}"})
    assert answer["Cache-Control"] == PRIVATE


def test_a_view_that_says_who_may_keep_its_answer_is_heeded(client):
    client.force_login(make_user())
    assert client.get("/transparency.csv")["Cache-Control"] == "public, max-age=600"


def test_the_api_documentation_stands_under_the_policy_of_all_pages(client):
    page = client.get("/api/v1/docs/")
    home = client.get("/")
    for header in ("Content-Security-Policy", "Cross-Origin-Opener-Policy"):
        assert page[header] == home[header]
    assert "unsafe-inline" not in page["Content-Security-Policy"]
    assert "<script>" not in page.content.decode()
    assert "<style" not in page.content.decode()

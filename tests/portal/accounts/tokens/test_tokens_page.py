"""The page of tokens: made, shown once, revoked."""

from __future__ import annotations

import pytest
from django.urls import reverse

from portal.accounts.models import AccessToken
from tests.factories.accounts import make_lab, make_token, make_user
from tests.factories.catalog import make_repo, make_reviewer

pytestmark = pytest.mark.django_db
TOKENS = "/tokens"


@pytest.fixture
def alice():
    return make_user("alice")


@pytest.fixture
def page(client, alice):
    client.force_login(alice)
    return client


def asked(**changed) -> dict[str, object]:
    return {"name": "cluster", "scopes": ["download"], "days": "90", **changed}


def test_a_secret_is_shown_once_and_kept_nowhere(page, alice):
    assert page.post(TOKENS, asked()).url == TOKENS, "a reload of the answer makes no second one"
    assert page.cookies["made_token"]["httponly"]
    response = page.get(TOKENS)
    secret = response.context["secret"]
    assert secret in response.text
    assert "no-store" in response["Cache-Control"]
    assert response.status_code == 200
    assert secret not in page.get(TOKENS).text
    assert secret not in str(dict(page.session))
    assert AccessToken.objects.count() == 1


def test_an_answer_that_is_kept_for_back_holds_no_secret(page):
    page.post(TOKENS, asked())
    secret = page.cookies["made_token"].value.split(":")[0].split()[1]
    faulty = page.post(TOKENS, asked(name=""), headers={"Sec-Fetch-Mode": "navigate"}, follow=True)
    assert "Say where you will use the token." in faulty.text
    assert secret not in faulty.text
    assert secret in page.get(TOKENS).text


def test_nobody_else_in_this_browser_is_shown_it(page, client):
    page.post(TOKENS, asked())
    client.force_login(make_user())
    assert client.get(TOKENS).context["secret"] == ""


def test_errors_stand_beside_their_fields(page):
    response = page.post(TOKENS, asked(name="", scopes=[]))
    assert response.status_code == 422
    assert "Say where you will use the token." in response.text
    assert not AccessToken.objects.exists()


def test_only_scopes_that_the_person_could_use_are_offered(page, client):
    assert page.post(TOKENS, asked(scopes=["admin"])).status_code == 422
    assert 'value="publish"' not in page.get(TOKENS).text
    client.force_login(make_reviewer(make_repo()))
    text = client.get(TOKENS).text
    assert 'value="review"' in text
    assert 'value="admin"' not in text
    publisher = make_user()
    make_lab(publisher=publisher)
    client.force_login(publisher)
    offered = client.get(TOKENS).text
    assert 'value="publish"' in offered
    assert 'value="review"' in offered, "what is escalated is an owner’s to work"


def test_revoking_ends_mine_and_finds_no_other(page, alice):
    token, _ = make_token(alice)
    foreign, _ = make_token(make_user())
    page.post(reverse("accounts:token_revoke", args=[token.pk]))
    assert page.post(reverse("accounts:token_revoke", args=[foreign.pk])).status_code == 404
    token.refresh_from_db()
    foreign.refresh_from_db()
    assert token.revoked_at
    assert foreign.revoked_at is None
    assert page.get(reverse("accounts:token_revoke", args=[token.pk])).url == "/tokens"


def test_a_visitor_signs_in_first(client):
    assert client.get(TOKENS).url.startswith(reverse("account_login"))

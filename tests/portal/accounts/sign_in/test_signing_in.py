"""Signing in and up where things are less than ideal: behind a proxy, and at the same instant."""

from __future__ import annotations

import pytest

from portal.accounts.models import Namespace, User
from tests.factories.accounts import PASSWORD, make_lab, make_user

pytestmark = pytest.mark.django_db

BEHIND_A_PROXY = {"REMOTE_ADDR": "", "headers": {"X-Forwarded-For": "192.0.2.1"}}
NEW = {
    "name": "Ada Newcomer",
    "email": "newcomer@university.example",
    "username": "ada",
    "password1": "a few plain words, by Ada",
}


def test_a_proxy_on_a_unix_socket_says_who_calls(client):
    make_user("ada")
    values = {"login": "ada", "password": PASSWORD}
    response = client.post("/accounts/login/", values, **BEHIND_A_PROXY)
    assert response.status_code == 302


@pytest.mark.parametrize("taken_by", ["person", "lab"])
def test_a_name_taken_in_the_same_instant_is_told(client, monkeypatch, taken_by):
    """Between the form's look-up and the insert, somebody else has the name."""
    make = {"person": make_user, "lab": make_lab}[taken_by]

    def late(adapter, username, shallow=False):
        make("Ada")
        return username

    monkeypatch.setattr("portal.accounts.sign_in.adapter.AccountAdapter.clean_username", late)
    response = client.post("/accounts/signup/", NEW)
    assert response.status_code == 409
    assert "choose another" in response.text
    assert Namespace.objects.filter(name__iexact="ada").count() == 1
    assert not User.objects.filter(email=NEW["email"]).exists()

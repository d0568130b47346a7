"""Odd characters in addresses are told on every surface, in its own form."""

from __future__ import annotations

import pytest
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

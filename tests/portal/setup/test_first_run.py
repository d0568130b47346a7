"""An installation without an operator says at every address how to begin."""

from __future__ import annotations

import os

import pytest
from django.db import ProgrammingError, connection
from django.test import AsyncClient

from portal.accounts import first_operator as module
from portal.accounts.first_operator import first_operator
from portal.catalog.models import Blob
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db

PROGRAMS = {
    "/api/whoami-v2": lambda body: body["error"],
    "/a/b/resolve/main/config.json": lambda body: body["error"],
    "/v1/models": lambda body: body["error"]["message"],
    "/api/v1/models/": lambda body: body["error"]["message"],
}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.setattr(first_operator, "exists", False)


@pytest.mark.parametrize("place", ["/", "/accounts/signup/", "/a/b", "/no/such/page/at/all"])
def test_a_browser_reads_how_to_begin_whatever_it_opens(client, place):
    response = client.get(place)
    assert response.status_code == 503
    assert "manage.py setup" in response.text
    assert response["Cache-Control"] == "no-store"
    assert "Content-Security-Policy" in response


def test_a_wheels_installation_is_told_its_own_command(client, monkeypatch, tmp_path):
    (tmp_path / "weightgate").touch()
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    for place in ("/", "/v1/models"):
        text = client.get(place).text
        assert "weightgate setup" in text
        assert "manage.py" not in text
        assert str(tmp_path) not in text


@pytest.mark.parametrize("place", PROGRAMS)
def test_a_program_is_told_in_its_own_form(client, place):
    response = client.get(place)
    assert response.status_code == 503
    assert "manage.py setup" in PROGRAMS[place](response.json())


def test_what_watches_the_installation_and_its_assets_stay(client):
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").json()["parts"]["database"] == "ok"
    assert client.get("/static/weightgate/favicon.svg").status_code == 200


def test_without_tables_it_is_not_set_up_either(client, monkeypatch):
    def no_tables(*args, **names):
        raise ProgrammingError("relation does not exist")

    monkeypatch.setattr(module.User.objects, "filter", no_tables)
    assert client.get("/").status_code == 503
    monkeypatch.setattr(Blob.objects, "first", no_tables)
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert "manage.py setup" in ready.json()["parts"]["storage"]


@pytest.mark.django_db(transaction=True)
def test_a_role_that_may_not_read_the_tables_is_no_missing_table(client):
    role = f"no_rights_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {role}; SET ROLE {role}")
        try:
            page, ready, program = map(client.get, ("/", "/readyz", "/v1/models"))
        finally:
            cursor.execute(f"RESET ROLE; DROP ROLE {role}")
    for response in (page, ready, program):
        assert response.status_code == 503
    assert "may not read" in page.text
    assert "setup" not in page.text
    assert "may not use the tables" in ready.json()["parts"]["storage"]
    assert "may not read" in program.json()["error"]["message"]


def test_with_an_operator_the_site_opens_and_no_request_asks_again(
    client, django_assert_num_queries
):
    make_user()
    assert client.get("/").status_code == 503
    make_user(superuser=True)
    assert client.get("/").status_code == 200
    with django_assert_num_queries(0):
        client.get("/healthz")
        client.get("/accounts/nothing-here")


@pytest.mark.django_db(transaction=True)
async def test_streams_answer_the_same(monkeypatch):
    monkeypatch.setattr(first_operator, "exists", False)
    response = await AsyncClient().get("/v1/models")
    assert response.status_code == 503

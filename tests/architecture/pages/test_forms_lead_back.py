"""Every address of a page answers GET, so that whoever comes back from signing in sees a page."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from tests.architecture.permissions.test_permissions import (
    LOGIN,
    PAGES,
    ROLES,
    Row,
    World,
    make_world,
    signed_in,
    url_of,
)

FORMS = [row for row in PAGES if row.method == "POST"]
ENDS_NOWHERE = (403, 404, "login")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("portal.site.views.operations.CHECKS", {})
    monkeypatch.setattr("portal.site.views.checks.CHECKS", ())
    return make_world(tmp_path / "in")


def read_as_far_as_it_leads(client: Client, row: Row, world: World) -> str:
    response = client.get(url_of(row, world), follow=True)
    path = response.request["PATH_INFO"]
    return "sign-in" if path == "/accounts/login/" else f"{response.status_code}"


@pytest.mark.django_db
def test_who_may_send_a_form_comes_to_its_page_by_get(world: World) -> None:
    answers = {
        f"{row} as {role}": read_as_far_as_it_leads(signed_in(world)(role), row, world)
        for row in FORMS
        for role in ROLES
        if row.expected()[role] not in ENDS_NOWHERE
    }
    assert {key: answer for key, answer in answers.items() if answer != "200"} == {}


@pytest.mark.django_db
def test_who_was_signed_out_is_asked_to_sign_in(world: World) -> None:
    rows = [row for row in FORMS if row.expected()["anonymous"] == LOGIN["anonymous"]]
    answers = {str(row): read_as_far_as_it_leads(Client(), row, world) for row in rows}
    assert set(answers.values()) == {"sign-in"}


@pytest.mark.django_db
def test_no_page_refuses_to_be_read(world: World) -> None:
    """GET is answered for every role, since 405 is an empty page in a browser."""
    client = signed_in(world)("administrator")
    codes = {str(row): client.get(url_of(row, world)).status_code for row in PAGES}
    assert [key for key, code in codes.items() if code == 405] == []

"""Publishers set over the Hub’s protocol who sees a repo and what gate its files have."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.catalog.models import Gate
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_licence, make_repo
from tests.portal.hub.desk import file_line


def settings_of(desk):
    content = desk.api("get", "revision/main").json()
    return content["private"], content["gated"]


def test_what_is_set_is_read_back_at_once(licensed):
    for content, expected in [
        ({"visibility": "public"}, (False, False)),
        ({"gated": "auto"}, (False, "auto")),
        ({"gated": "manual", "private": True}, (True, "manual")),
        ({"gated": False}, (True, False)),
    ]:
        assert licensed.api("put", "settings", content).status_code == 200
        assert settings_of(licensed) == expected


def test_a_gate_takes_the_licence_that_the_card_names(licensed):
    licensed.api("put", "settings", {"gated": "manual"})
    repo = licensed.repo
    assert repo.licence.slug == "noncommercial"
    assert (repo.download_gate, repo.inference_gate) == (Gate.REVIEW, Gate.REVIEW)


@pytest.mark.parametrize("card", [b"# No metadata", b"---\nlicense_name: none\n---\n", b"---\n["])
def test_without_a_licence_there_is_no_gate(desk, card):
    make_licence()
    desk.commit(file_line("README.md", card))
    response = desk.api("put", "settings", {"gated": "auto", "visibility": "public"})
    assert response.status_code == 400
    assert "license_name" in response["X-Error-Message"]
    assert settings_of(desk) == (True, False)


def test_inference_goes_along_only_where_it_was_the_same(licensed):
    licensed.api("put", "settings", {"gated": "manual"})
    type(licensed.repo).objects.filter(pk=licensed.repo.pk).update(inference_gate=Gate.LICENCE)
    licensed.api("put", "settings", {"gated": False})
    assert licensed.repo.download_gate == Gate.OPEN
    assert licensed.repo.inference_gate == Gate.LICENCE


def test_somebody_decides(licensed):
    licensed.api("put", "settings", {"gated": "manual"})
    assert [seat.user for seat in licensed.repo.team.all()] == [licensed.publisher]


def test_the_owner_crosses_their_own_gate(licensed):
    licensed.commit(file_line("settings.json", b"{}"))
    licensed.api("put", "settings", {"gated": "manual"})
    response = licensed.call("head", f"/{licensed.name}/resolve/main/settings.json")
    assert response.status_code == 200


SENSELESS = [
    ({"gated": "open"}, "gated"),
    ({"gated": True}, "gated"),
    ({"gated": 0}, "gated"),
    ({"gated": ["auto"]}, "gated"),
    ({"visibility": "secret"}, "visibility"),
    ({"visibility": ["private"]}, "visibility"),
    ({"private": "no"}, "private"),
    ({"discussionsDisabled": True}, "discussionsDisabled"),
]


def test_what_makes_no_sense(desk):
    for content, field in SENSELESS:
        response = desk.api("put", "settings", content)
        assert response.status_code == 400, content
        assert field in response["X-Error-Message"], content


def test_only_its_publishers_set_it(desk, client):
    desk.name = make_repo(gate="open").full_name
    response = desk.api("put", "settings", {"private": True})
    assert response.status_code == 403
    assert "X-Error-Code" not in response
    _, secret = make_token(make_user(superuser=True), "publish", now=timezone.now())
    desk.secret = secret
    assert desk.api("put", "settings", {"private": True}).status_code == 200

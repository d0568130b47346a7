"""Callers are told who they are, what they may do, and what this portal doesn't have."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.accounts.services import let_publish
from tests.factories.accounts import make_lab, make_token, make_user
from tests.portal.world import bearer


def test_whoami(world, client):
    content = client.get("/api/whoami-v2", headers=world.bearer).json()
    assert content["name"] == world.researcher.username
    assert content["type"] == "user"
    assert content["orgs"] == []
    assert content["auth"]["accessToken"]["displayName"] == world.token.name
    assert content["auth"]["accessToken"]["role"] == "read"
    assert world.secret not in str(content)


def test_whoami_names_the_labs_one_publishes_for(world, client):
    lab = make_lab()
    let_publish(
        actor=make_user(superuser=True), namespace=lab, user=world.researcher, now=timezone.now()
    )
    _, secret = make_token(world.researcher, "publish", now=timezone.now())
    content = client.get("/api/whoami-v2", headers=bearer(secret)).json()
    assert [lab["name"] for lab in content["orgs"]] == [lab.name]
    assert content["auth"]["accessToken"]["role"] == "write"


def test_whoami_asks_for_a_token(db, client):
    response = client.get("/api/whoami-v2")
    assert response.status_code == 401
    assert "X-Error-Code" not in response
    assert "token" in response["X-Error-Message"]


def test_auth_check(world, client):
    assert client.get(world.api("/auth-check"), headers=world.bearer).status_code == 200


@pytest.mark.parametrize("rest", ["", "/tree/main", "/refs", "/commits/main"])
def test_what_answers_get_answers_head(world, client, rest):
    response = client.head(world.api(rest))
    assert (response.status_code, response.content) == (200, b"")


def test_auth_check_of_writing(world, client):
    url = world.api("/auth-check/write")
    refused = client.get(url, headers=world.bearer)
    assert (refused.status_code, "X-Error-Code" in refused) == (403, False)
    publisher = world.repo.namespace.roles.exclude(user__is_superuser=True).get().user
    _, secret = make_token(publisher, now=timezone.now())
    assert client.get(url, headers=bearer(secret)).status_code == 200


@pytest.mark.parametrize("rest", ["/discussions", "/discussions?p=0", "/xet-read-token/main"])
def test_parts_of_a_repo_that_are_not_there(world, client, rest):
    response = client.get(world.api(rest), headers=world.bearer)
    assert response.status_code == 404
    assert "X-Error-Code" not in response
    assert response["Content-Type"] == "application/json"


@pytest.mark.parametrize("url", ["/api/agent-harnesses", "/api/anything/else"])
def test_plain_absences(db, client, url):
    response = client.get(url)
    assert response.status_code == 404
    assert "X-Error-Code" not in response
    assert response["Content-Type"] == "application/json"


@pytest.mark.parametrize("kind", ["datasets", "spaces"])
def test_there_are_only_models(db, client, kind):
    for url in (f"/api/{kind}/a/b", f"/{kind}/a/b/resolve/main/config.json"):
        response = client.get(url)
        assert response.status_code == 401
        assert response["X-Error-Code"] == "RepoNotFound"


@pytest.mark.parametrize("rest", ["/xet-write-token/main", "/lfs-files/batch"])
def test_what_is_not_offered_says_so(world, client, rest):
    response = client.get(world.api(rest), headers=world.bearer)
    assert response.status_code == 501
    assert "HF_HUB_DISABLE_XET=1" in response["X-Error-Message"]


BESIDES = [
    ("post", "MODEL/like", "downloads"),
    ("get", "MODEL/likers", "downloads"),
    ("get", "/api/users/ada/likes", "/api/models"),
    ("get", "/api/users/ada/overview", "whoami"),
    ("get", "/api/organizations/lab/members", "author="),
    ("get", "/api/collections", "author="),
    ("post", "/api/collections/a/b", "author="),
    ("post", "MODEL/discussions", "branch"),
    ("get", "/api/settings/webhooks", "/api/v1/"),
    ("get", "/api/papers/search", "card"),
    ("get", "/api/datasets", "only models"),
    ("get", "/api/spaces", "only models"),
    ("get", "/v2/", "hf download"),
    ("get", "/v2/lab/opt/manifests/latest", "hf download"),
]


def test_what_the_hub_has_besides_says_what_to_do_instead(world, client):
    for method, place, words in BESIDES:
        url = place.replace("MODEL", world.api())
        response = getattr(client, method)(url, headers=world.bearer)
        assert response.status_code == 501, url
        assert words in response["X-Error-Message"], url
        assert response.json()["error"], url


@pytest.mark.parametrize("kind", ["dataset", "space"])
def test_only_models_are_made(desk, kind):
    response = desk.create("other", type=kind)
    assert response.status_code == 501
    assert "only models" in response.json()["error"]


def test_one_lists_what_one_may_publish_and_what_it_holds(desk, client):
    stranger = make_user()
    _, secret = make_token(stranger, now=timezone.now())
    rows = desk.call("get", "/api/settings/repositories").json()
    assert [row["id"] for row in rows] == [desk.name]
    assert rows[0]["visibility"] == "private"
    assert rows[0]["storage"] > 0
    assert rows[0]["storagePercent"] == 100
    place = f"/api/organizations/{desk.lab.name}/settings/repositories"
    assert desk.call("get", place).json() == rows
    assert client.get(place, headers=bearer(secret)).json() == []
    assert client.get(place).status_code == 401


def test_git_itself_is_not_spoken(world, client):
    response = client.get(f"/{world.repo.full_name}.git/info/refs", headers=world.bearer)
    assert response.status_code == 501
    assert "hf upload" in response["X-Error-Message"]


def test_no_cross_site_check_stands_in_the_way(world):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    response = strict.post(
        world.api("/paths-info/main"),
        "paths=config.json",
        content_type="application/x-www-form-urlencoded",
    )
    assert response.status_code == 200

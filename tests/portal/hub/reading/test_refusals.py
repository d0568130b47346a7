"""Each refusal as the clients tell them apart: by status and headers."""

from __future__ import annotations

from itertools import product

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.access.grants.ending.revocation import revoke_grant
from portal.accounts.services import revoke_token
from portal.catalog.models import ModelRepo, TeamMember
from tests.factories.access import make_request
from tests.factories.accounts import make_token
from tests.factories.catalog import make_repo, make_reviewer
from tests.portal.world import bearer

EVERYWHERE = ["/resolve/main/config.json", "/api", "/api/tree/main", "/api/refs", "/api/auth-check"]


def url_of(name, place):
    if place.startswith("/api"):
        return f"/api/models/{name}{place.removeprefix('/api')}"
    return f"/{name}{place}"


def check(response, status, code, *words):
    assert response.status_code == status
    assert response.headers.get("X-Error-Code") == code
    message = response["X-Error-Message"]
    assert message.isascii()
    assert all(word in message for word in words), message
    assert response["Content-Type"] == "application/json"
    assert response["X-Request-Id"]
    assert not response.cookies


def test_unknown_repo(world, client):
    names = ("nobody/nothing", f"{world.repo.namespace}/nothing")
    for name, place in product(names, EVERYWHERE):
        check(client.get(url_of(name, place)), 401, "RepoNotFound")
        check(client.get(url_of(name, place), headers=world.bearer), 404, "RepoNotFound")


def test_a_private_repo_is_an_unknown_one(world, client):
    ModelRepo.objects.update(private=True)
    member = make_reviewer(world.repo)
    _, secret = make_token(member, now=timezone.now())
    for place in EVERYWHERE:
        url = url_of(world.repo.full_name, place)
        check(client.get(url), 401, "RepoNotFound")
        check(client.get(url, headers=world.stranger_bearer), 404, "RepoNotFound")
    assert client.get(world.api(), headers=bearer(secret)).status_code == 200


@pytest.mark.parametrize("url", ["/repo-x/resolve/main/f", "/api/models/repo-x"])
def test_a_name_without_namespace(world, client, url):
    check(client.get(url), 401, "RepoNotFound")
    check(client.head(url, headers=world.bearer), 404, "RepoNotFound")


@pytest.mark.parametrize("kind", ["nonsense", "mistyped", "revoked", "expired"])
def test_a_bad_token_anywhere(world, client, kind):
    secret = {"nonsense": "wg_x", "mistyped": world.secret[:-1] + "!"}.get(kind, world.secret)
    if kind == "revoked":
        revoke_token(owner=world.researcher, token_id=world.token.pk, now=timezone.now())
    if kind == "expired":
        type(world.token).objects.update(expires_at=timezone.now())
    urls = {place: url_of(world.repo.full_name, place) for place in EVERYWHERE}
    for place, url in {**urls, "/api/whoami": "/api/whoami-v2"}.items():
        for method in (client.get, client.head) if "resolve" in place else (client.get,):
            response = method(url, headers=bearer(secret))
            check(response, 401, None)
            words = response["X-Error-Message"]
            assert words == "Invalid credentials in Authorization header", url


@pytest.mark.parametrize("place", ["/resolve/main/config.json", "/api/auth-check"])
def test_the_gate(world, client, settings, place):
    url = url_of(world.repo.full_name, place)
    restricted = f"Access to model {world.repo.full_name} is restricted and you are not in the"
    check(client.get(url), 401, "GatedRepo", restricted, settings.BASE_URL)
    page = reverse("access:start", args=[world.repo.namespace.name, world.repo.name])
    ask = f"{settings.BASE_URL}{page}"
    check(
        client.get(url, headers=world.stranger_bearer), 403, "GatedRepo", restricted, "Request", ask
    )
    if "resolve" in place:
        check(client.head(url), 401, "GatedRepo", restricted)
        check(client.head(url, headers=world.stranger_bearer), 403, "GatedRepo", restricted)


def test_the_command_line_is_told_where_to_go(world, client, settings):
    response = client.head(world.url(), headers=world.stranger_bearer)
    topic, _, text = response["X-HF-Warning"].partition("; ")
    assert topic == "access"
    assert settings.BASE_URL in text


def test_the_gate_tells_who_waits_that_they_wait(world, client):
    make_request(world.repo, world.stranger, now=timezone.now())
    response = client.head(world.url(), headers=world.stranger_bearer)
    check(response, 403, "GatedRepo", "with the reviewers")


def test_the_gate_tells_whose_access_was_ended(world, client):
    administrator = make_reviewer(world.repo, role=TeamMember.Role.ADMINISTRATOR)
    revoke_grant(actor=administrator, grant_id=world.grant.pk, reason="Over.", now=timezone.now())
    response = client.head(world.url(), headers=world.bearer)
    check(response, 403, "GatedRepo", "ended by the lab")


def test_the_licence_gate_sends_one_to_sign(world, client, tmp_path):
    from tests.factories.catalog import make_revision

    repo = make_repo(gate="licence")
    make_revision(repo, tmp_path / "licence")
    url = f"/{repo.full_name}/resolve/main/config.json"
    check(client.head(url, headers=world.bearer), 403, "GatedRepo", "Sign the licence")


def test_a_token_without_the_scope(world, client):
    _, secret = make_token(world.researcher, "infer", now=timezone.now())
    check(client.head(world.url(), headers=bearer(secret)), 403, "GatedRepo", "token may not")


def test_a_token_for_other_repos(world, client):
    _, secret = make_token(world.researcher, repo_ids=[], now=timezone.now())
    check(client.head(world.url(), headers=bearer(secret)), 403, "GatedRepo", "token may not")


@pytest.mark.parametrize(
    "place", ["/resolve/none/config.json", "/api/tree/none", "/api/revision/none", "/api/commits/x"]
)
def test_unknown_revision(world, client, place):
    url = url_of(world.repo.full_name, place)
    check(client.get(url, headers=world.bearer), 404, "RevisionNotFound")


@pytest.mark.parametrize("place", ["/resolve/main/none.bin", "/api/tree/main/none"])
def test_unknown_file_or_folder_names_the_commit(world, client, place):
    response = client.get(url_of(world.repo.full_name, place), headers=world.bearer)
    check(response, 404, "EntryNotFound")
    assert response["X-Repo-Commit"] == world.revision.commit


def test_who_may_not_download_reads_that_before_what_is_missing(world, client):
    check(client.head(world.url("none.bin")), 401, "GatedRepo")


def test_other_schemes_count_as_nobody(world, client):
    response = client.get("/api/models/nobody/nothing", headers={"Authorization": "Digest YTpi"})
    check(response, 401, "RepoNotFound")


def test_a_session_counts_for_nothing(world, client):
    client.force_login(world.researcher)
    response = client.head(world.url())
    assert response.status_code == 401
    assert response["X-Error-Code"] == "GatedRepo"

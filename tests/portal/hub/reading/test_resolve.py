"""HEAD: metadata that clients cache by. GET: a redirect to a fresh link."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from portal.audit.models import AuditEvent
from portal.catalog.models import Ref
from tests.factories.catalog import make_folder, make_revision
from tests.portal.world import SHARD

ETAGS = {SHARD: "blob_id", "config.json": "git_sha1"}


@pytest.mark.parametrize("path", [SHARD, "config.json", "configs/deep/b.json"])
def test_head_has_all_that_clients_need(world, client, path):
    file = world.file(path)
    response = client.head(world.url(path), headers=world.bearer)
    assert response.status_code == 200
    assert response["X-Repo-Commit"] == world.revision.commit
    assert response["ETag"] == response["X-Linked-Etag"] == f'"{file.etag}"'
    assert response["Content-Length"] == response["X-Linked-Size"] == str(file.blob.size_bytes)
    assert response["Accept-Ranges"] == "bytes"
    assert response["X-Request-Id"]
    assert "Location" not in response
    assert "X-Xet-Hash" not in response
    assert not response.cookies
    assert not AuditEvent.objects.filter(type="link.minted").exists()


def test_large_files_are_named_by_sha256_and_others_by_git(world):
    assert world.file(SHARD).etag == world.file(SHARD).blob.sha256
    assert world.file("config.json").etag == world.file("config.json").blob.git_sha1


def test_get_redirects_to_a_link_that_serves(world, client, settings):
    response = client.get(world.url(), headers=world.bearer)
    assert response.status_code == 302
    assert response["Location"].startswith(f"{settings.BASE_URL}/-/d/")
    assert response["X-Linked-Size"] == str(len(world.bytes_of()))
    assert response["X-Repo-Commit"] == world.revision.commit
    assert response["Cache-Control"] == "no-store"
    assert world.secret not in response["Location"]
    served = client.get(urlsplit(response["Location"]).path)
    assert b"".join(served.streaming_content) == world.bytes_of()


def test_each_get_makes_a_link_of_its_own(world, client):
    for _ in range(2):
        client.get(world.url(), headers=world.bearer)
    assert AuditEvent.objects.filter(type="link.minted").count() == 2


@pytest.mark.parametrize("spelling", ["commit", "short", "refs/heads/main", "v1.0", "a/b", "tag"])
def test_a_revision_by_each_of_its_names(world, client, spelling):
    revision = world.revision
    for kind, name in (("tag", "v1.0"), ("branch", "a/b"), ("branch", "a")):
        Ref.objects.create(repo=world.repo, kind=kind, name=name, revision=revision)
    special = {
        "commit": revision.commit,
        "short": revision.commit[:8],
        "tag": "refs/tags/v1.0",
    }
    name = special.get(spelling, spelling)
    for spelt in (name, name.replace("/", "%2F")):
        response = client.head(
            world.url("configs/deep/b.json", revision=spelt), headers=world.bearer
        )
        assert response.status_code == 200
        assert response["X-Repo-Commit"] == revision.commit


def test_an_old_commit_keeps_its_files(world, client):
    old = world.revision.commit
    folder = make_folder(world.folder, **{"config.json": '{"model_type": "changed"}'})
    new = make_revision(world.repo, folder, title="Second", now=timezone.now())
    for revision, commit in ((old, old), ("main", new.commit)):
        response = client.head(world.url("config.json", revision), headers=world.bearer)
        assert response["X-Repo-Commit"] == commit
    assert new.commit != old


def test_paths_with_reserved_characters(world, client):
    make_folder(world.folder, **{"sub/to? #1.txt": "x"})
    make_revision(world.repo, world.folder, title="Second", now=timezone.now())
    response = client.head(world.url("sub/to%3F%20%231.txt"), headers=world.bearer)
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["README.md", "LICENSE", "SHA256SUMS"])
def test_what_stands_before_the_gate_needs_no_token(world, client, path):
    assert client.head(world.url(path)).status_code == 200
    assert client.get(world.url(path)).status_code == 302


def test_a_name_in_another_case_is_the_same_repo(world, client):
    url = world.url().replace(world.repo.full_name, world.repo.full_name.upper())
    assert client.head(url, headers=world.bearer).status_code == 200


def test_head_needs_few_queries(world, client, django_assert_max_num_queries):
    client.head(world.url(), headers=world.bearer)  # the token's last use is written by the minute
    for revision, queries in (("main", 6), (world.revision.commit, 5)):
        with django_assert_max_num_queries(queries):
            response = client.head(world.url("configs/deep/b.json", revision), headers=world.bearer)
        assert response.status_code == 200


def test_head_needs_few_queries_on_the_first_use_of_a_token(
    world, client, django_assert_max_num_queries
):
    with django_assert_max_num_queries(6):
        client.head(world.url(revision=world.revision.commit), headers=world.bearer)

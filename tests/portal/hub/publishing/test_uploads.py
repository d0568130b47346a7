"""Large files: asked about, brought, verified as they come, and only then in a commit."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.services import revoke_token
from portal.catalog.models import Blob
from portal.hub.models import Upload
from portal.hub.uploads.links import UploadLink, sign
from portal.storage import blob_store
from portal.storage.incoming import FOLDER
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_repo, make_revision
from tests.portal.hub.desk import Desk, lfs_line, local, sha256_of
from tests.portal.world import bearer

SHARD = b"tensors " * 1000


def leftovers(settings):
    folder = settings.BLOB_DIR / FOLDER
    return list(folder.iterdir()) if folder.exists() else []


def test_bytes_are_brought_then_committed(desk, settings):
    assert desk.bring(SHARD).status_code == 200
    assert desk.commit(lfs_line("model.safetensors", SHARD)).status_code == 200
    file = desk.head.all_files().get(path="model.safetensors")
    assert file.lfs
    assert (file.blob_id, file.blob.size_bytes) == (sha256_of(SHARD), len(SHARD))
    with blob_store().open(file.blob_id) as content:
        assert content.read() == SHARD
    assert leftovers(settings) == []


def test_the_batch_tells_how(desk):
    response = desk.batch(SHARD)
    assert response["Content-Type"] == "application/vnd.git-lfs+json"
    (answer,) = response.json()["objects"]
    assert (answer["oid"], answer["size"]) == (sha256_of(SHARD), len(SHARD))
    assert "header" not in answer["actions"]["upload"]
    verify = local(answer["actions"]["verify"]["href"])
    assert desk.client.post(verify).status_code == 422
    desk.client.put(local(answer["actions"]["upload"]["href"]), SHARD, content_type="")
    assert desk.client.post(verify).status_code == 200


def test_what_is_here_is_not_asked_for(desk):
    desk.bring(SHARD)
    (answer,) = desk.batch(SHARD).json()["objects"]
    assert "actions" not in answer
    assert "error" not in answer


@pytest.mark.parametrize("sent", [b"other bytes " * 667, SHARD[:-1], SHARD + b"!", b""])
def test_other_bytes_than_announced_are_refused_and_gone(desk, settings, sent):
    response = desk.client.put(desk.link(SHARD), sent, content_type="")
    assert response.status_code == 422
    assert "Nothing was kept" in response["X-Error-Message"]
    assert not blob_store().has(sha256_of(SHARD))
    assert not Upload.objects.exists()
    assert leftovers(settings) == []


def test_the_same_length_with_another_hash_is_refused(desk, settings):
    response = desk.client.put(desk.link(SHARD), SHARD[:-1] + b"!", content_type="")
    assert response.status_code == 422
    assert "sha256" in response["X-Error-Message"]
    assert not Blob.objects.filter(pk=sha256_of(SHARD)).exists()
    assert leftovers(settings) == []


def test_knowing_a_hash_gives_nobody_the_bytes(desk, tmp_path):
    """The listing of a gated repo tells everybody the sha256 of its weights."""
    gated = make_repo()
    shard = make_revision(gated, tmp_path / "in").files.get(path="model-00001-of-00002.safetensors")
    line = lfs_line("stolen.safetensors", b"")
    line["value"] |= {"oid": shard.blob_id, "size": shard.blob.size_bytes}
    response = desk.commit(line)
    assert response.status_code == 422
    assert "not brought" in response["X-Error-Message"]
    objects = [{"oid": shard.blob_id, "size": shard.blob.size_bytes}]
    (answer,) = desk.batch(objects=objects).json()["objects"]
    assert "actions" in answer


def test_what_was_brought_for_one_repo_is_not_in_another(desk):
    desk.bring(SHARD)
    desk.name = desk.create("other").json()["id"]
    assert desk.commit(lfs_line("model.safetensors", SHARD)).status_code == 422
    (answer,) = desk.batch(SHARD).json()["objects"]
    assert "actions" in answer


@pytest.mark.parametrize(
    ("oid", "size", "words"),
    [("xyz", 1, "sha256"), ("a" * 64, -1, "size"), ("a" * 64, 50_000_000_001, "50 GB")],
)
def test_an_object_that_cannot_be_has_an_error_of_its_own(desk, oid, size, words):
    objects = [{"oid": oid, "size": size}, {"oid": "b" * 64, "size": 1}]
    wrong, right = desk.batch(objects=objects).json()["objects"]
    assert wrong["error"]["code"] == 422
    assert words in wrong["error"]["message"]
    assert "actions" in right


@pytest.mark.parametrize(
    "content", [{"objects": None}, {"objects": [{}]}, {"objects": [{"oid": "a", "size": True}]}]
)
def test_a_batch_that_cannot_be_read_is_a_400(desk, content):
    assert desk.batch(**content).status_code == 400


def test_only_uploads_go_through_lfs(desk):
    assert desk.batch(SHARD, operation="download").status_code == 501


class TestLinks:
    """Bound to person, token, repo, bytes and time."""

    @pytest.fixture
    def link(self, desk) -> UploadLink:
        token = desk.publisher.access_tokens.get()
        expires_at = timezone.now() + timedelta(minutes=1)
        return UploadLink(
            desk.publisher.pk, token.pk, desk.repo.pk, sha256_of(SHARD), len(SHARD), expires_at
        )

    def put(self, link: UploadLink | str) -> int:
        signed = link if isinstance(link, str) else sign(link)
        return Client().put(f"/-/u/{signed}", SHARD, content_type="").status_code

    def test_it_needs_no_token(self, link):
        assert self.put(link) == 200

    def test_an_altered_one_is_refused(self, link):
        signed = sign(link)
        assert self.put(f"x{signed}") == 403
        assert self.put(signed[:-1] + ("A" if signed[-1] != "A" else "B")) == 403

    def test_an_expired_one_is_refused(self, link):
        past = timezone.now() - timedelta(seconds=1)
        assert self.put(UploadLink(**{**vars(link), "expires_at": past})) == 403

    def test_it_ends_with_its_token(self, desk, link):
        token = desk.publisher.access_tokens.get()
        revoke_token(owner=desk.publisher, token_id=token.pk, now=timezone.now())
        assert self.put(link) == 403

    def test_it_ends_with_the_right_to_publish(self, desk, link):
        desk.lab.roles.filter(user=desk.publisher).delete()
        assert self.put(link) == 403

    def test_it_ends_with_the_repo(self, desk, link):
        desk.call("delete", "/api/repos/delete", {"name": "fresh", "organization": desk.lab.name})
        assert self.put(link) == 403

    def test_one_for_a_bucket_is_none_for_the_portal(self, link):
        assert self.put(link.staged_at("incoming/x", "")) == 403

    def test_a_download_link_is_no_upload_link(self, desk, link):
        for step in ("complete", "verify"):
            assert Client().post(f"/-/u/nothing/{step}").status_code == 403


def test_a_stranger_is_told_nothing_of_a_private_repo(desk: Desk):
    _, secret = make_token(make_user(), now=timezone.now())
    response = desk.client.post(
        f"/{desk.name}.git/info/lfs/objects/batch",
        {"operation": "upload", "objects": []},
        content_type="application/json",
        headers=bearer(secret),
    )
    assert response.status_code == 404
    assert response["X-Error-Code"] == "RepoNotFound"

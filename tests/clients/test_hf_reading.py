"""Everything that huggingface_hub reads of a gated model, by its own calls."""

from __future__ import annotations

import pytest
from django.utils import timezone
from huggingface_hub import HfApi, HfFileSystem, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

from portal.catalog.models import Ref
from tests.clients.conftest import ON_BOTH_BACKENDS
from tests.factories.accounts import make_token
from tests.factories.catalog import make_folder, make_repo, make_revision
from tests.factories.grants import make_administrator
from tests.portal.world import SHARD

pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True), ON_BOTH_BACKENDS]


@pytest.fixture
def api(hub, settings) -> HfApi:
    return HfApi(endpoint=settings.BASE_URL, token=hub.secret)


def test_models_are_listed_page_by_page(hub, api, tmp_path):
    lab = hub.repo.namespace
    for number in range(3):
        repo = make_repo(f"open-{number}", namespace=lab, gate="open")
        make_revision(repo, tmp_path / repo.name)
    every = [model.id for model in api.list_models(author=lab.name)]
    paged = api.list_models(author=lab.name, limit=2, sort="created_at", full=True)
    assert len(every) == 4
    assert len(list(paged)) == 2
    assert [model.id for model in api.list_models(author=lab.name, gated=True)] == [
        hub.repo.full_name
    ]
    named = api.list_models(search="open-1", filter="transformers", pipeline_tag="text-generation")
    assert [model.id for model in named] == [f"{lab.name}/open-1"]
    (only,) = api.list_models(search=hub.repo.name, gated=True, expand=["gated", "sha"])
    assert (only.gated, only.sha) == ("manual", hub.revision.commit)


def test_a_repo_is_described(hub, api):
    info = api.model_info(hub.repo.full_name, files_metadata=True, securityStatus=True)
    shard = {file.rfilename: file for file in info.siblings}[SHARD]
    assert (shard.size, shard.lfs.sha256) == (len(hub.bytes_of()), hub.file().blob_id)
    expanded = api.model_info(hub.repo.full_name, expand=["sha", "siblings", "downloads"])
    assert expanded.sha == info.sha == hub.revision.commit
    assert api.repo_exists(hub.repo.full_name)
    assert api.revision_exists(hub.repo.full_name, hub.revision.commit[:10])
    assert not api.revision_exists(hub.repo.full_name, "none")
    assert api.file_exists(hub.repo.full_name, "configs/a.json")
    assert set(api.get_safetensors_metadata(hub.repo.full_name).files_metadata) == {
        SHARD,
        SHARD.replace("00001", "00002", 1),
    }
    with pytest.raises(HfHubHTTPError) as none:
        list(api.get_repo_discussions(hub.repo.full_name))
    assert none.value.response.status_code == 404


def test_history_and_trees(hub, api):
    name = hub.repo.full_name
    Ref.objects.create(repo=hub.repo, kind="tag", name="v1.0", revision=hub.revision)
    Ref.objects.create(repo=hub.repo, kind="branch", name="a/b", revision=hub.revision)
    make_folder(hub.folder, **{"configs/a.json": "[1]"})
    second = make_revision(hub.repo, hub.folder, title="Second", now=timezone.now())
    refs = api.list_repo_refs(name, include_pull_requests=True)
    assert [branch.name for branch in refs.branches] == ["a/b", "main"]
    assert [tag.ref for tag in refs.tags] == ["refs/tags/v1.0"]
    assert refs.pull_requests == []
    commits = api.list_repo_commits(name, formatted=True)
    assert [commit.commit_id for commit in commits] == [second.commit, hub.revision.commit]
    assert [commit.title for commit in api.list_repo_commits(name, revision="v1.0")] == ["First"]
    tree = {entry.path: entry for entry in api.list_repo_tree(name, recursive=True, expand=True)}
    assert tree["configs"].last_commit.oid == second.commit
    assert tree["configs/deep/b.json"].last_commit.oid == hub.revision.commit
    assert [entry.path for entry in api.list_repo_tree(name, "configs/deep", revision="a/b")] == [
        "configs/deep/b.json"
    ]
    entries = api.get_paths_info(name, ["configs", "none", SHARD], revision="v1.0", expand=True)
    assert {entry.path for entry in entries} == {"configs", SHARD}


def test_a_file_system_reads_without_fetching_all(hub, api, settings):
    files = HfFileSystem(endpoint=settings.BASE_URL, token=hub.secret)
    name, whole = hub.repo.full_name, hub.bytes_of()
    assert f"{name}/configs" in files.ls(name, detail=False)
    assert files.info(f"{name}/{SHARD}")["size"] == len(whole)
    assert files.info(f"{name}/{SHARD}", expand_info=True)["last_commit"]
    assert files.glob(f"{name}/**/b.json") == [f"{name}/configs/deep/b.json"]
    assert f"{name}/config.json" in files.find(name)
    assert files.exists(f"{name}@main/config.json")
    assert not files.exists(f"{name}/none")
    assert files.isdir(f"{name}/configs")
    with files.open(f"{name}/{SHARD}", block_size=1000) as shard:
        shard.seek(10_000)
        assert shard.read(2_500) == whole[10_000:12_500]
        shard.seek(-5, 2)
        assert shard.read() == whole[-5:]
    assert files.cat_file(f"{name}/{SHARD}", start=7, end=19) == whole[7:19]
    with files.open(f"{name}/{SHARD}", block_size=0) as stream:
        assert stream.read() == whole
    with files.open(f"{name}@{hub.revision.commit}/configs/a.json", "r") as text:
        assert text.read() == "{}"
    nobody = HfFileSystem(endpoint=settings.BASE_URL, token=hub.stranger_secret)
    with pytest.raises((GatedRepoError, OSError), match="you have not asked yet"):
        nobody.cat_file(f"{name}/{SHARD}")


def test_a_snapshot_is_the_whole_of_it(hub, settings, tmp_path):
    folder = snapshot_download(
        hub.repo.full_name,
        token=hub.secret,
        endpoint=settings.BASE_URL,
        local_dir=tmp_path / "model",
        cache_dir=tmp_path / "cache",
    )
    for path in hub.revision.files.values_list("path", flat=True):
        if path not in ("NOTICE", "SHA256SUMS", "LICENSE", "model.sig"):  # made at publishing
            assert (tmp_path / "model" / path).read_bytes() == hub.bytes_of(path)
    assert folder == str(tmp_path / "model")


def test_access_requests_are_worked_from_the_client(hub, settings):
    administrator = make_administrator(hub.repo)
    _, secret = make_token(administrator, now=timezone.now())
    api = HfApi(endpoint=settings.BASE_URL, token=secret)
    theirs = HfApi(endpoint=settings.BASE_URL, token=hub.secret)
    name, user = hub.repo.full_name, hub.researcher.username
    (has,) = api.list_accepted_access_requests(name)
    assert (has.username, has.status) == (user, "accepted")
    api.cancel_access_request(name, user)
    (waits,) = api.list_pending_access_requests(name)
    assert (waits.username, waits.email) == (user, hub.researcher.email)
    with pytest.raises(GatedRepoError, match="with the reviewers"):
        theirs.auth_check(name)
    api.reject_access_request(name, request_id=waits.request_id, rejection_reason="Not now.")
    assert [request.username for request in api.list_rejected_access_requests(name)] == [user]
    with pytest.raises(HfHubHTTPError) as again:
        api.reject_access_request(name, user, rejection_reason=None)
    assert again.value.response.status_code == 404
    api.accept_access_request(name, user)
    theirs.auth_check(name)
    with pytest.raises(HfHubHTTPError) as twice:
        api.grant_access(name, user)
    assert twice.value.response.status_code == 400
    api.grant_access(name, hub.stranger.username)
    stranger = HfApi(endpoint=settings.BASE_URL, token=hub.stranger_secret)
    with pytest.raises(GatedRepoError, match="Sign its terms"):
        stranger.auth_check(name)
    with pytest.raises(HfHubHTTPError) as refused:
        theirs.grant_access(name, hub.stranger.username)
    assert refused.value.response.status_code == 403

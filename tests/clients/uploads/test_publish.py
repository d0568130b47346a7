"""huggingface_hub and transformers, unmodified, publish to the whole stack."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import uuid
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    hf_hub_download,
)
from huggingface_hub.errors import (
    BadRequestError,
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tests.factories.jobs import tiny_model
from tests.live import Live

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]
OWN = {".gitattributes"}
"""The files that every revision holds besides what was uploaded, until it has passed its check."""


@pytest.fixture(autouse=True)
def _without_xet(monkeypatch):
    """Set HF_HUB_DISABLE_XET as docs/hub-publishing.md tells publishers to."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)


def api_of(stack: Live, role: str) -> HfApi:
    token = stack.account(role)["token"] if role else False
    return HfApi(endpoint=stack.base_url, token=token)


@pytest.fixture
def api(stack: Live) -> HfApi:
    return api_of(stack, "publisher")


@pytest.fixture
def name(stack: Live) -> str:
    """Of a repo that isn't there yet."""
    return f"{stack.account('publisher')['username']}/model-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def repo(api: HfApi, name: str) -> str:
    return api.create_repo(name).repo_id


def add(path: str, content: bytes) -> CommitOperationAdd:
    return CommitOperationAdd(path_in_repo=path, path_or_fileobj=content)


def fetched(api: HfApi, repo: str, path: str, folder: Path, revision: str = "main") -> bytes:
    path = hf_hub_download(
        repo,
        path,
        revision=revision,
        endpoint=api.endpoint,
        token=api.token,
        cache_dir=folder / "cache",
    )
    return Path(path).read_bytes()


def test_a_repo_is_made_once(api, name):
    url = api.create_repo(name)
    assert (url.repo_id, str(url)) == (name, f"{api.endpoint}/{name}")
    assert api.create_repo(name, exist_ok=True).repo_id == name
    with pytest.raises(HfHubHTTPError) as taken:
        api.create_repo(name)
    assert taken.value.response.status_code == 409
    assert api.model_info(name).private
    assert api.list_repo_commits(name)[0].title == "initial commit"


def test_a_commit_of_every_kind(api, repo, tmp_path):
    weights = os.urandom(100_000)
    made = api.create_commit(
        repo,
        [add("config.json", b"{}"), add("model.safetensors", weights), add("old/a.txt", b"a")],
        commit_message="Add",
        commit_description="The first",
    )
    assert made.oid == api.model_info(repo).sha
    assert made.repo_url.repo_id == repo
    api.create_commit(
        repo,
        [
            CommitOperationCopy("model.safetensors", "copy.safetensors"),
            CommitOperationCopy("config.json", "copy.json"),
            CommitOperationDelete("old/"),
            CommitOperationDelete("config.json"),
        ],
        commit_message="Arrange",
        parent_commit=made.oid,
    )
    assert set(api.list_repo_files(repo)) == {
        *OWN,
        "model.safetensors",
        "copy.safetensors",
        "copy.json",
    }
    assert fetched(api, repo, "copy.safetensors", tmp_path) == weights
    assert fetched(api, repo, "copy.json", tmp_path) == b"{}"
    assert fetched(api, repo, "old/a.txt", tmp_path, made.oid) == b"a"
    newest, older, _ = api.list_repo_commits(repo)
    assert (newest.title, older.title, older.message) == ("Arrange", "Add", "The first")


def test_what_is_unchanged_is_neither_sent_nor_committed(api, repo, caplog):
    files = [("a.txt", b"a"), ("m.safetensors", b"weights"), ("empty.safetensors", b"")]
    first = api.create_commit(repo, [add(*file) for file in files], commit_message="Add")
    again = api.create_commit(repo, [add(*file) for file in files], commit_message="Again")
    assert again.oid == first.oid


def test_folders_are_uploaded_and_swept(api, repo, tmp_path):
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# A model\n")
    (folder / "sub" / "m.safetensors").write_bytes(os.urandom(1000))
    (folder / "left-out.log").write_text("")
    api.upload_file(path_or_fileobj=b"x", path_in_repo="stale/x.txt", repo_id=repo)
    api.upload_folder(
        repo_id=repo,
        folder_path=folder,
        ignore_patterns="*.log",
        delete_patterns="stale/*",
        commit_message="Sweep",
    )
    assert set(api.list_repo_files(repo)) == {*OWN, "README.md", "sub/m.safetensors"}
    api.delete_file("README.md", repo)
    api.delete_folder("sub", repo)
    assert set(api.list_repo_files(repo)) == {".gitattributes"}


def test_hf_upload_and_back(stack, shell, api, name, tmp_path):
    folder = tmp_path / "model"
    tiny_model(folder)
    hf = str(Path(sys.executable).with_name("hf"))
    command = ("env", "HF_HUB_DISABLE_XET=1", hf, "upload", name, str(folder), ".")
    url = f"{stack.base_url}/api/v1/models/{api.create_repo(name).repo_id}/settings/"
    headers = {"Authorization": f"Bearer {api.token}"}
    httpx2.patch(url, json={"licensor": True}, headers=headers).raise_for_status()
    for more in ((), ("--revision", "next", "--delete", "*.json"), ("--commit-message", "Again")):
        done = shell.run(*command, *more, role="publisher")
        assert done.returncode == 0, done.stderr
    back = tmp_path / "back"
    done = shell.hf("download", name, "--local-dir", str(back), role="publisher")
    assert done.returncode == 0, done.stderr
    assert all((back / path.name).read_bytes() == path.read_bytes() for path in folder.iterdir())
    sums = shell.run("sh", "-c", f"cd {back} && sha256sum -c SHA256SUMS")
    assert sums.returncode == 0, sums.stdout


def test_without_the_variable_one_is_told_of_it(shell, repo, tmp_path):
    """The client goes to Xet by itself where it's installed, and has no way back."""
    (tmp_path / "m.safetensors").write_bytes(os.urandom(1000))
    done = shell.hf("upload", repo, str(tmp_path / "m.safetensors"), role="publisher")
    assert done.returncode != 0


PUSH = """
import os, sys
import torch
from transformers import AutoModelForCausalLM, OPTConfig, OPTForCausalLM
repo = sys.argv[1]
config = OPTConfig(vocab_size=64, hidden_size=16, num_hidden_layers=2, ffn_dim=32,
                   num_attention_heads=2, max_position_embeddings=32, word_embed_proj_dim=16)
model = OPTForCausalLM(config)
model.push_to_hub(repo, max_shard_size="10KB")
back = AutoModelForCausalLM.from_pretrained(repo)
assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(),
                                             back.state_dict().values(), strict=True))
print("same weights")
"""


def test_transformers_pushes_and_loads(shell, api, name):
    done = shell.run(
        "env", "HF_HUB_DISABLE_XET=1", sys.executable, "-c", PUSH, name, role="publisher"
    )
    assert "same weights" in done.stdout, done.stderr
    files = api.list_repo_files(name)
    assert len([name for name in files if name.endswith(".safetensors")]) > 1
    assert api.model_info(name).private


def test_branches_and_tags(api, repo, tmp_path):
    api.create_branch(repo, branch="feature/a")
    api.create_branch(repo, branch="feature/a", exist_ok=True)
    with pytest.raises(HfHubHTTPError, match="already exists"):
        api.create_branch(repo, branch="feature/a")
    api.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=repo, revision="feature/a")
    assert "x.txt" not in api.list_repo_files(repo)
    api.create_tag(repo, tag="v1", revision="feature/a", tag_message="One")
    api.create_tag(repo, tag="v1", exist_ok=True)
    assert fetched(api, repo, "x.txt", tmp_path, "v1") == b"x"
    api.delete_branch(repo, branch="feature/a")
    api.delete_tag(repo, tag="v1")
    refs = api.list_repo_refs(repo)
    assert ([branch.name for branch in refs.branches], refs.tags) == (["main"], [])
    with pytest.raises(HfHubHTTPError, match="Cannot delete refs/heads/main"):
        api.delete_branch(repo, branch="main")
    with pytest.raises(RevisionNotFoundError):
        api.delete_tag(repo, tag="v1")


def test_history_is_squashed(api, repo):
    for content in (b"one", b"two"):
        api.upload_file(path_or_fileobj=content, path_in_repo="m.parquet", repo_id=repo)
    assert len(list(api.list_lfs_files(repo))) == 2
    api.super_squash_history(repo, commit_message="All of it")
    assert [commit.title for commit in api.list_repo_commits(repo)] == ["All of it"]
    (left,) = api.list_lfs_files(repo)
    assert (left.filename, left.size) == ("m.parquet", 3)
    with pytest.raises(HfHubHTTPError, match="delete it in a commit"):
        api.permanently_delete_lfs_files(repo, [left])


def test_settings_names_and_the_end(stack, api, repo, tmp_path):
    card = b"---\nlicense: other\nlicense_name: %s\n---\n"
    licence = api.model_info(stack.demo["repos"]["gated"]).card_data.license_name.encode()
    api.upload_file(path_or_fileobj=card % licence, path_in_repo="README.md", repo_id=repo)
    api.update_repo_settings(repo, gated="manual", private=False)
    info = api_of(stack, "newcomer").model_info(repo)
    assert (info.gated, info.private) == ("manual", False)
    moved = f"{repo}-moved"
    api.move_repo(repo, moved)
    assert api.model_info(repo).id == moved
    assert "README.md" in api.list_repo_files(repo)
    assert b"license" in fetched(api, repo, "README.md", tmp_path)
    api.delete_repo(moved)
    with pytest.raises(RepositoryNotFoundError):
        api.model_info(moved)
    api.delete_repo(moved, missing_ok=True)


def test_refusals_are_of_their_kind(stack, api, repo, monkeypatch):
    other, newcomer = api_of(stack, "publisher2"), api_of(stack, "newcomer")
    with pytest.raises(RepositoryNotFoundError):
        other.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=repo)
    api.update_repo_settings(repo, private=False)
    for stranger in (other, newcomer):
        with pytest.raises(HfHubHTTPError, match="for the people who run") as refused:
            stranger.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=repo)
        assert refused.value.response.status_code == 403
        with monkeypatch.context() as patch:  # here the client asks for HF_ENDPOINT itself
            patch.setattr("huggingface_hub.constants.ENDPOINT", stack.base_url)
            assert stranger.create_repo(repo, exist_ok=True).repo_id == repo
    with pytest.raises(HfHubHTTPError, match="Ask the operator"):
        other.create_repo(f"{repo}-2")
    with pytest.raises(HfHubHTTPError, match="Send a token") as nameless:
        api_of(stack, "").upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=repo)
    assert nameless.value.response.status_code == 401
    with pytest.raises(BadRequestError, match="pull requests"):
        api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=repo, create_pr=True)
    with pytest.raises(BadRequestError, match="safetensors"):
        api.upload_file(path_or_fileobj=b"\x80\x02}.", path_in_repo="m.dat", repo_id=repo)
    with pytest.raises(EntryNotFoundError, match="differentiate file and folder paths"):
        api.delete_file("none", repo)
    with pytest.raises(ValueError, match="license"):
        api.upload_file(
            path_or_fileobj=b"---\nlicense: mine\n---\n", path_in_repo="README.md", repo_id=repo
        )
    stale = api.model_info(repo).sha
    api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=repo)
    with pytest.raises(HfHubHTTPError, match="The branch was updated") as late:
        api.upload_file(path_or_fileobj=b"y", path_in_repo="x", repo_id=repo, parent_commit=stale)
    assert late.value.response.status_code == 412


def test_sums_agree_with_what_is_fetched(api, repo, tmp_path):
    api.upload_file(path_or_fileobj=json.dumps({}).encode(), path_in_repo="a.json", repo_id=repo)
    sums = fetched(api, repo, "SHA256SUMS", tmp_path).decode()
    assert f"{hashlib.sha256(b'{}').hexdigest()}  a.json" in sums

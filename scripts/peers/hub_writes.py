"""Check what an installed huggingface_hub, of whatever version, changes in a running demo.

Runs in an environment of its own, which holds nothing of the portal: `scripts/test_peers.py`
starts it. HF_ENDPOINT, PUBLISHER, its token, and NEWCOMER are in the environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

from checks import refused, run
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    hf_hub_download,
)
from huggingface_hub.utils import HfHubHTTPError, RepositoryNotFoundError

PUBLISHER, TOKEN, NEWCOMER = (os.environ[name] for name in ("PUBLISHER", "TOKEN", "NEWCOMER"))
OWN = {".gitattributes", "SHA256SUMS", "model.sig"}
"""The files that every revision holds besides what was uploaded."""
api = HfApi(token=TOKEN)


def made() -> str:
    return str(api.create_repo(f"{PUBLISHER}/model-{uuid.uuid4().hex[:8]}").repo_id)


def files(repo: str) -> set[str]:
    return set(api.list_repo_files(repo)) - OWN


def fetched(repo: str, path: str) -> bytes:
    with tempfile.TemporaryDirectory() as cache:
        return Path(hf_hub_download(repo, path, token=TOKEN, cache_dir=cache)).read_bytes()


def a_commit_adds_copies_and_deletes() -> None:
    repo, large = made(), os.urandom(3_000_000)
    added = [
        CommitOperationAdd("m.safetensors", large),
        CommitOperationAdd("notes.txt", b"notes"),
    ]
    first = api.create_commit(repo, added, commit_message="First")
    changed = [
        CommitOperationCopy("m.safetensors", "copy.safetensors"),
        CommitOperationDelete("notes.txt"),
    ]
    api.create_commit(repo, changed, commit_message="Second", parent_commit=first.oid)
    assert files(repo) == {"m.safetensors", "copy.safetensors"}
    assert fetched(repo, "copy.safetensors") == large


def folders_go_up_whole() -> None:
    repo = made()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a/b").mkdir(parents=True)
        (Path(folder) / "a/b/c.txt").write_text("c")
        (Path(folder) / "m.safetensors").write_bytes(os.urandom(100_000))
        api.upload_folder(repo_id=repo, folder_path=folder)
        if hasattr(api, "upload_large_folder"):  # until version 2
            api.upload_large_folder(repo_id=repo, folder_path=folder, repo_type="model")
    assert files(repo) == {"a/b/c.txt", "m.safetensors"}


def the_command_line_publishes_to_nobody() -> None:
    repo, programs = f"{PUBLISHER}/cli-{uuid.uuid4().hex[:8]}", Path(sys.executable).parent
    known = [programs / name for name in ("hf", "huggingface-cli")]
    program = next(path for path in known if path.exists())
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "m.safetensors").write_bytes(os.urandom(100_000))
        command = [program, "upload", repo, folder, "."]
        subprocess.run(command, env={**os.environ, "HF_TOKEN": TOKEN}, check=True)
    assert files(repo) == {"m.safetensors"}
    assert api.model_info(repo).private
    refused(RepositoryNotFoundError, lambda: HfApi(token=False).model_info(repo))


def branches_and_tags_come_and_go() -> None:
    repo = made()
    api.create_branch(repo, branch="side")
    api.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=repo, revision="side")
    api.create_tag(repo, tag="v1", revision="side")
    assert {ref.name for ref in api.list_repo_refs(repo).tags} == {"v1"}
    assert files(repo) == set()
    api.delete_tag(repo, tag="v1")
    api.delete_branch(repo, branch="side")


def history_is_squashed() -> None:
    repo = made()
    for content in (b"one", b"two"):
        api.upload_file(path_or_fileobj=content, path_in_repo="x.txt", repo_id=repo)
    api.super_squash_history(repo, commit_message="All of it")
    assert [ref.title for ref in api.list_repo_commits(repo)] == ["All of it"]


def a_repo_is_moved_and_deleted() -> None:
    repo = made()
    api.move_repo(repo, f"{repo}-moved")
    assert api.model_info(repo).id == f"{repo}-moved"
    api.delete_repo(f"{repo}-moved")
    refused(RepositoryNotFoundError, lambda: api.model_info(f"{repo}-moved"))


def a_repo_is_duplicated() -> None:
    if not hasattr(api, "duplicate_repo"):  # until version 1
        return
    repo = made()
    api.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=repo)
    copy = api.duplicate_repo(repo, f"{repo}-copy")
    assert fetched(copy.repo_id, "x.txt") == b"x"


def a_stranger_changes_nothing() -> None:
    repo, stranger = made(), HfApi(token=NEWCOMER)

    def put() -> object:
        return stranger.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=repo)

    refused(HfHubHTTPError, put)
    assert files(repo) == set()


CHECKS = (
    a_commit_adds_copies_and_deletes,
    folders_go_up_whole,
    the_command_line_publishes_to_nobody,
    branches_and_tags_come_and_go,
    history_is_squashed,
    a_repo_is_moved_and_deleted,
    a_repo_is_duplicated,
    a_stranger_changes_nothing,
)

if __name__ == "__main__":
    sys.exit(run("writing", CHECKS))

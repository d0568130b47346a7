"""Check who sees what an installed huggingface_hub, of whatever version, publishes in a demo.

Runs in an environment of its own, which holds nothing of the portal: `scripts/test_peers.py`
starts it. HF_ENDPOINT, MODEL, APPROVED, PUBLISHER, its TOKEN, and NEWCOMER are in the environment.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path

from checks import refused, run
from huggingface_hub import HfApi, ModelHubMixin, snapshot_download
from huggingface_hub.utils import RevisionNotFoundError

PUBLISHER, TOKEN, NEWCOMER = (os.environ[name] for name in ("PUBLISHER", "TOKEN", "NEWCOMER"))
SHARD = "model-00001-of-00002.safetensors"
PORTALS = ("NOTICE", "SHA256SUMS", "model.sig")
"""The files that the portal puts beside what was brought."""
FIRST = {".gitattributes"}
"""The file of a new repo's first commit, which anybody sees in an open repo."""
api, reader = HfApi(token=TOKEN), HfApi(token=NEWCOMER)


class Saved(ModelHubMixin):
    """A model of the client's own kind: saving it copies its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _save_pretrained(self, save_directory: Path) -> None:
        shutil.copytree(self.folder, save_directory, dirs_exist_ok=True)


def whole_model(folder: Path) -> Path:
    """Fetch the demo's model, to be published anew."""
    token = os.environ["APPROVED"]
    snapshot_download(os.environ["MODEL"], token=token, local_dir=folder, ignore_patterns=PORTALS)
    for cache in (".cache", ".huggingface"):
        shutil.rmtree(folder / cache, ignore_errors=True)
    return folder


def opened() -> str:
    """Make a repo that anybody may read."""
    repo = str(api.create_repo(f"{PUBLISHER}/passes-{uuid.uuid4().hex[:8]}").repo_id)
    change = getattr(api, "update_repo_settings", None) or api.update_repo_visibility
    change(repo, private=False)
    return repo


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not {".cache", ".huggingface"} & set(path.parts)
    }


def state_the_right(repo: str) -> None:
    """Say, as a publisher who is asked must, that the weights are theirs to host."""
    url = f"{os.environ['HF_ENDPOINT']}/api/v1/models/{repo}/revisions/main/check/"
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, b'{"licensor": true}', headers)  # noqa: S310 (the demo's)
    urllib.request.urlopen(request).close()  # noqa: S310


def require_everybodys(repo: str, folder: Path) -> None:
    """Hold that somebody else reads each file of the folder as it is, and that it is signed."""
    assert reader.model_info(repo).sha == api.model_info(repo).sha
    with tempfile.TemporaryDirectory() as fetched:
        snapshot_download(repo, token=NEWCOMER, local_dir=fetched)
        copies = contents(Path(fetched))
    assert {path: copies.get(path) for path in contents(folder)} == contents(folder)
    assert {"SHA256SUMS", "model.sig"} <= set(copies)


def require_publishers_alone(repo: str) -> None:
    commit = api.model_info(repo).sha
    assert SHARD in api.list_repo_files(repo)
    assert set(reader.list_repo_files(repo)) == FIRST
    refused(RevisionNotFoundError, lambda: reader.model_info(repo, revision=commit))


def with_a_whole_model(check: Callable[[str, Path], None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(opened(), whole_model(Path(folder)))


def a_folder_in_pieces_is_its_publishers_until_it_is_whole_and_agreed_to() -> None:
    def check(repo: str, folder: Path) -> None:
        api.upload_folder(repo_id=repo, folder_path=folder, ignore_patterns="*-00002-of-*")
        require_publishers_alone(repo)
        api.upload_folder(repo_id=repo, folder_path=folder)
        require_publishers_alone(repo)
        state_the_right(repo)
        require_everybodys(repo, folder)

    with_a_whole_model(check)


def files_one_by_one_are_everybodys_with_the_last() -> None:
    def check(repo: str, folder: Path) -> None:
        for name in sorted(contents(folder), key=lambda name: "-00002-of-" in name):
            api.upload_file(path_or_fileobj=folder / name, path_in_repo=name, repo_id=repo)
            if name == SHARD:
                require_publishers_alone(repo)
        state_the_right(repo)
        require_everybodys(repo, folder)

    with_a_whole_model(check)


def a_large_folder_is_everybodys_at_its_end() -> None:
    if not hasattr(api, "upload_large_folder"):  # from 0.25 on, until version 2
        return

    def check(repo: str, folder: Path) -> None:
        api.upload_large_folder(repo_id=repo, folder_path=folder, repo_type="model")
        state_the_right(repo)
        require_everybodys(repo, folder)

    with_a_whole_model(check)


def push_to_hub_publishes_to_everybody() -> None:
    def check(repo: str, folder: Path) -> None:
        Saved(folder).push_to_hub(repo, token=TOKEN)
        state_the_right(repo)
        require_everybodys(repo, folder)

    with_a_whole_model(check)


def a_broken_commit_leaves_others_what_they_had() -> None:
    def check(repo: str, folder: Path) -> None:
        api.upload_folder(repo_id=repo, folder_path=folder)
        state_the_right(repo)
        before = api.model_info(repo).sha
        api.upload_file(path_or_fileobj=b"garbage", path_in_repo=SHARD, repo_id=repo)
        assert api.model_info(repo).sha != before
        assert reader.model_info(repo).sha == before
        api.upload_file(path_or_fileobj=folder / SHARD, path_in_repo=SHARD, repo_id=repo)
        require_everybodys(repo, folder)

    with_a_whole_model(check)


CHECKS = (
    a_folder_in_pieces_is_its_publishers_until_it_is_whole_and_agreed_to,
    files_one_by_one_are_everybodys_with_the_last,
    a_large_folder_is_everybodys_at_its_end,
    push_to_hub_publishes_to_everybody,
    a_broken_commit_leaves_others_what_they_had,
)

if __name__ == "__main__":
    sys.exit(run("who sees it", CHECKS))

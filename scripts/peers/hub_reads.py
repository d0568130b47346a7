"""Check what an installed huggingface_hub, of whatever version, reads from a running demo.

Runs in an environment of its own, which holds nothing of the portal: `scripts/test_peers.py`
starts it. HF_ENDPOINT, MODEL, OPEN_MODEL, APPROVED and NEWCOMER are in the environment.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path

from checks import refused, run
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.utils import (
    EntryNotFoundError,
    GatedRepoError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

MODEL, OPEN_MODEL = os.environ["MODEL"], os.environ["OPEN_MODEL"]
APPROVED, NEWCOMER = os.environ["APPROVED"], os.environ["NEWCOMER"]
SHARD = "model-00001-of-00002.safetensors"
api = HfApi(token=APPROVED)


def sums(folder: Path) -> dict[str, str]:
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    return {path: digest for digest, _, path in (line.partition("  ") for line in lines)}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def whoami_names_the_account() -> None:
    assert api.whoami()["name"]


def model_info_and_listing_agree() -> None:
    info = api.model_info(MODEL, files_metadata=True)
    assert sorted(sibling.rfilename for sibling in info.siblings) == sorted(
        api.list_repo_files(MODEL)
    )
    assert info.sha == api.list_repo_refs(MODEL).branches[0].target_commit


def the_list_of_models_holds_it() -> None:
    assert MODEL in {model.id for model in api.list_models()}


def a_snapshot_agrees_with_its_sums() -> None:
    with tempfile.TemporaryDirectory() as folder:
        got = Path(snapshot_download(MODEL, token=APPROVED, local_dir=folder))
        assert all(sha256(got / path) == digest for path, digest in sums(got).items())


def a_file_comes_by_branch_and_by_commit() -> None:
    commit = api.model_info(MODEL).sha
    with tempfile.TemporaryDirectory() as cache:
        for revision in ("main", commit):
            hf_hub_download(MODEL, SHARD, revision=revision, token=APPROVED, cache_dir=cache)


def the_open_model_needs_no_token() -> None:
    with tempfile.TemporaryDirectory() as cache:
        hf_hub_download(OPEN_MODEL, "config.json", token=False, cache_dir=cache)


def fetch(name: str = SHARD, *, token: str | bool = APPROVED, **where: str) -> object:
    with tempfile.TemporaryDirectory() as cache:
        repo = where.pop("repo", MODEL)
        return hf_hub_download(repo, name, token=token, cache_dir=cache, **where)


def the_gate_is_a_gated_repo_error_that_names_our_page() -> None:
    assert os.environ["HF_ENDPOINT"] in refused(GatedRepoError, lambda: fetch(token=NEWCOMER))
    refused(GatedRepoError, lambda: fetch(token=False))


def absences_raise_their_own_errors() -> None:
    refused(EntryNotFoundError, lambda: fetch("nothing.txt"))
    refused(RevisionNotFoundError, lambda: fetch(revision="nowhere"))
    refused(RepositoryNotFoundError, lambda: fetch(repo="nobody/nothing"))


CHECKS = (
    whoami_names_the_account,
    model_info_and_listing_agree,
    the_list_of_models_holds_it,
    a_snapshot_agrees_with_its_sums,
    a_file_comes_by_branch_and_by_commit,
    the_open_model_needs_no_token,
    the_gate_is_a_gated_repo_error_that_names_our_page,
    absences_raise_their_own_errors,
)


if __name__ == "__main__":
    sys.exit(run("reading", CHECKS))

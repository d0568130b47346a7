"""huggingface_hub and its command line, unmodified, against the whole stack."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tests.live import Live

pytestmark = pytest.mark.clients
SHARD = "model-00001-of-00002.safetensors"


@pytest.fixture
def api(stack: Live) -> HfApi:
    return HfApi(endpoint=stack.base_url, token=stack.account("approved")["token"])


@pytest.fixture
def gated(stack: Live) -> str:
    return stack.demo["repos"]["gated"]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def git_sha1(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324


def listing(stack: Live, repo: str) -> dict[str, dict]:
    """Read the tree over HTTP without a token."""
    url = f"{stack.base_url}/api/models/{repo}/tree/main?recursive=true"
    return {entry["path"]: entry for entry in httpx2.get(url).json() if entry["type"] == "file"}


@pytest.mark.parametrize("kind", ["gated", "licence", "open"])
def test_licence_and_notice_come_before_the_gate(stack, tmp_path, kind):
    repo = stack.demo["repos"][kind]
    card = HfApi(endpoint=stack.base_url, token=False).model_info(repo).card_data
    for name in ("LICENSE", "NOTICE"):
        fetched = hf_hub_download(
            repo, name, endpoint=stack.base_url, token=False, cache_dir=tmp_path
        )
        if name == "LICENSE":
            assert sha256(Path(fetched)) == card.license_sha256
        else:
            assert Path(fetched).read_text("utf-8") == f"{card.attribution}\n"


@pytest.mark.parametrize("kind", ["gated", "open"])
def test_every_file_arrives_as_listed(stack, shell, tmp_path, kind):
    repo, folder = stack.demo["repos"][kind], tmp_path / "model"
    done = shell.hf("download", repo, "--local-dir", str(folder), role="approved")
    assert done.returncode == 0, done.stderr
    listed = listing(stack, repo)
    assert len([name for name in listed if name.endswith(".safetensors")]) >= 2
    for path, entry in listed.items():
        file = folder / path
        assert file.stat().st_size == entry["size"]
        if "lfs" in entry:
            assert sha256(file) == entry["lfs"]["oid"]
        else:
            assert git_sha1(file) == entry["oid"]
    sums = dict(
        reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines()
    )
    assert sums == {
        path: sha256(folder / path) for path in listed if path not in ("SHA256SUMS", "model.sig")
    }


def test_what_arrives_is_verified_offline_by_the_signature_in_it(stack, shell, tmp_path):
    repo, folder, key = stack.demo["repos"]["gated"], tmp_path / "model", tmp_path / "key.pem"
    done = shell.hf("download", repo, "--local-dir", str(folder), role="approved")
    assert done.returncode == 0, done.stderr
    key.write_bytes(httpx2.get(f"{stack.base_url}/record/manifest-key.pem").content)
    program = Path(sys.executable).with_name("model_signing")
    arguments = ("--signature", str(folder / "model.sig"), "--public_key", str(key), str(folder))
    done = shell.run(str(program), "verify", "key", *arguments)
    assert done.returncode == 0, done.stderr


def test_the_open_repo_needs_no_token(stack, shell):
    done = shell.hf("download", stack.demo["repos"]["open"], "config.json")
    assert done.returncode == 0, done.stderr


def test_a_file_at_a_commit(shell, api, gated):
    commit = api.model_info(gated).sha
    done = shell.hf("download", gated, SHARD, "--revision", commit, role="approved")
    assert done.returncode == 0, done.stderr
    assert any(shell.home.rglob(f"snapshots/{commit}/{SHARD}"))


def test_what_is_cached_is_not_fetched_again(shell, gated):
    first = shell.hf("download", gated, SHARD, role="approved")
    (blob,) = [path for path in shell.home.rglob("blobs/*") if path.is_file()]
    written = blob.stat().st_mtime_ns
    second = shell.hf("download", gated, SHARD, role="approved")
    assert first.returncode == second.returncode == 0
    assert blob.stat().st_mtime_ns == written
    assert blob.name == sha256(blob)


def test_whoami(shell):
    done = shell.hf("auth", "whoami", role="approved")
    assert done.returncode == 0, done.stderr
    assert "approved" in done.stdout


def test_login_keeps_the_token(shell, stack, gated):
    token = stack.account("approved")["token"]
    done = shell.hf("auth", "login", "--token", token)
    assert done.returncode == 0, done.stderr
    assert shell.hf("download", gated, "config.json").returncode == 0


def test_a_wrong_token(shell, gated):
    for arguments in (("auth", "whoami"), ("download", gated, "config.json")):
        done = shell.hf(*arguments, token="wg_nonsense")
        assert done.returncode != 0
        assert "Invalid" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("newcomer", "Request access at {base}/requests/new/{repo}"),
        ("applicant", "with the reviewers"),
        ("", "Make a token at {base}"),
    ],
)
@pytest.mark.parametrize("files", [(), ("config.json",)])
def test_the_gate_says_where_to_go(stack, shell, gated, role, words, files):
    done = shell.hf("download", gated, *files, role=role)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "requires approval" in said
    assert words.format(base=stack.base_url, repo=gated) in said


def test_the_error_holds_the_way_in(stack, gated, tmp_path):
    with pytest.raises(GatedRepoError) as refused:
        hf_hub_download(
            gated,
            "config.json",
            endpoint=stack.base_url,
            token=stack.account("newcomer")["token"],
            cache_dir=tmp_path,
        )
    assert f"{stack.base_url}/requests/new/{gated}" in str(refused.value)
    assert "you are not in the authorized list" in str(refused.value)


def test_the_licence_gate_sends_one_to_sign(stack, api):
    with pytest.raises(GatedRepoError, match="Sign the licence"):
        HfApi(endpoint=stack.base_url, token=stack.account("newcomer")["token"]).auth_check(
            stack.demo["repos"]["licence"]
        )


def test_errors_are_of_their_kind(stack, api, gated):
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("nobody/nothing")
    with pytest.raises(RevisionNotFoundError):
        api.model_info(gated, revision="none")
    with pytest.raises(RemoteEntryNotFoundError):
        api.get_hf_file_metadata(url=f"{stack.base_url}/{gated}/resolve/main/none.bin")
    with pytest.raises(RemoteEntryNotFoundError):
        list(api.list_repo_tree(gated, "none"))
    with pytest.raises(HfHubHTTPError, match="may not make models"):
        api.create_repo(f"{gated.split('/')[0]}/new")
    with pytest.raises(HfHubHTTPError) as none:
        list(api.get_repo_discussions(gated))
    assert none.value.response.status_code == 404


def test_metadata(api, gated):
    info = api.model_info(gated, files_metadata=True, securityStatus=True)
    assert info.gated == "manual"
    shard = {file.rfilename: file for file in info.siblings}[SHARD]
    assert shard.size == shard.lfs.size
    assert gated in [model.id for model in api.list_models(full=True, limit=50)]
    assert [model.id for model in api.list_models(search=gated, gated=True)] == [gated]
    assert api.file_exists(gated, SHARD)
    assert not api.file_exists(gated, "none.bin")
    assert api.repo_exists(gated)
    assert api.whoami()["name"] == "approved"
    api.auth_check(gated)


def test_history(api, gated):
    (main,) = api.list_repo_refs(gated, include_pull_requests=True).branches
    assert main.name == "main"
    commits = api.list_repo_commits(gated, formatted=True)
    assert commits[0].commit_id == main.target_commit
    (shard, folder) = api.get_paths_info(gated, [SHARD, "none", "README.md"], expand=True)
    assert shard.lfs.sha256
    assert shard.last_commit.oid in [commit.commit_id for commit in commits]
    assert folder.path == "README.md"
    assert {entry.path for entry in api.list_repo_tree(gated, recursive=True, expand=True)}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_goes_on_where_it_stopped(stack, shell, gated, tmp_path):
    token = stack.account("approved")["token"]
    url = f"{stack.base_url}/{gated}/resolve/main/{SHARD}"
    whole, part = tmp_path / "whole", tmp_path / "part"
    common = ["curl", "-sSfL", "-H", f"Authorization: Bearer {token}", "-w", "%{http_code}"]
    assert shell.run(*common, "-o", str(whole), url).stdout == "200"
    part.write_bytes(whole.read_bytes()[:1234])
    done = shell.run(*common, "-C", "-", "-o", str(part), url)
    assert done.stdout == "206", done.stderr
    assert sha256(part) == sha256(whole) == listing(stack, gated)[SHARD]["lfs"]["oid"]


def test_ranges_over_the_wire(stack, gated):
    bearer = {"Authorization": f"Bearer {stack.account('approved')['token']}"}
    link = httpx2.get(f"{stack.base_url}/{gated}/resolve/main/{SHARD}", headers=bearer)
    url = link.headers["location"]
    whole = httpx2.get(url)
    size = len(whole.content)
    assert whole.headers["content-type"] == "application/octet-stream"
    assert whole.headers["content-length"] == str(size)
    assert "content-encoding" not in whole.headers
    tail = httpx2.get(url, headers={"Range": "bytes=-7"})
    assert (tail.status_code, tail.content) == (206, whole.content[-7:])
    assert tail.headers["content-range"] == f"bytes {size - 7}-{size - 1}/{size}"
    assert httpx2.get(url, headers={"Range": f"bytes={size}-"}).status_code == 416
    head = httpx2.head(url)
    assert head.headers["content-length"] == head.headers["x-linked-size"] == str(size)
    assert httpx2.get(url.replace("/-/d/", "/-/d/x")).status_code == 403


def test_the_bytes_have_no_other_door(stack, gated):
    digest = listing(stack, gated)[SHARD]["lfs"]["oid"]
    inside = f"{digest[:2]}/{digest[2:4]}/{digest}"
    for path in (f"/_protected/{inside}", f"/blobs/{inside}", f"/-/d/{digest}/{SHARD}"):
        assert httpx2.get(f"{stack.base_url}{path}").status_code in (403, 404)

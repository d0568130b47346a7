"""The preupload question tells clients how to bring each file."""

from __future__ import annotations

import hashlib

import pytest

from tests.portal.hub.desk import file_line, lfs_line, sha256_of


def files_of(desk, *files, revision="main", **more):
    content = {"files": [{"path": path, "size": size} for path, size in files], **more}
    response = desk.api("post", f"preupload/{revision}", content)
    assert response.status_code == 200, response.content
    return {file["path"]: file for file in response.json()["files"]}


def test_large_files_and_weights_go_by_lfs(desk):
    files = files_of(
        desk, ("a.txt", 5), ("m.safetensors", 5), ("big.json", 10 << 20), ("e.safetensors", 0)
    )
    assert {path: file["uploadMode"] for path, file in files.items()} == {
        "a.txt": "regular",
        "m.safetensors": "lfs",
        "big.json": "lfs",
        "e.safetensors": "regular",
    }
    assert {file["oid"] for file in files.values()} == {None}


def test_what_the_branch_holds_is_named_as_the_client_names_its_own(desk):
    desk.bring(b"weights")
    desk.commit(file_line("a.txt", b"text"), lfs_line("m.safetensors", b"weights"))
    files = files_of(desk, ("a.txt", 4), ("m.safetensors", 7))
    assert files["a.txt"]["oid"] == hashlib.sha1(b"blob 4\0text").hexdigest()  # noqa: S324
    assert files["m.safetensors"]["oid"] == sha256_of(b"weights")


def test_a_gitignore_leaves_files_out(desk):
    desk.commit(file_line(".gitignore", b"*.log\n!keep.log\n/build/\n"))
    files = files_of(desk, ("a.log", 1), ("keep.log", 1), ("build/x", 1), ("src/build/x", 1))
    assert [path for path, file in files.items() if file["shouldIgnore"]] == ["a.log", "build/x"]
    sent = files_of(desk, ("a.log", 1), ("b.txt", 1), gitIgnore="*.txt")
    assert [path for path, file in sent.items() if file["shouldIgnore"]] == ["b.txt"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ({}, 400),
        ({"files": [{}]}, 400),
        ({"files": [{"path": "a", "size": -1}]}, 400),
        ({"files": [{"path": "../a", "size": 1}]}, 422),
        ({"files": [], "gitIgnore": 7}, 400),
    ],
)
def test_what_cannot_be_read(desk, content, status):
    assert desk.api("post", "preupload/main", content).status_code == status


def test_a_branch_that_is_not_there(desk):
    response = desk.api("post", "preupload/none", {"files": []})
    assert response.status_code == 404
    assert response["X-Error-Code"] == "RevisionNotFound"


def test_gitattributes_decide_what_goes_by_lfs(desk):
    def modes(*paths, **more):
        files = files_of(desk, *((path, 5) for path in paths), **more)
        return [path for path in paths if files[path]["uploadMode"] == "lfs"]

    assert modes("m.safetensors", "m.bin", "m.raw") == ["m.safetensors", "m.bin"]
    assert modes("m.bin", "m.raw", gitAttributes="*.raw filter=lfs") == ["m.raw"]
    desk.commit(file_line(".gitattributes", b"*.raw filter=lfs\n"), file_line("m.raw", b"1"))
    assert modes("m.bin", "m.raw") == ["m.raw"]
    assert desk.head.all_files().get(path="m.raw").lfs


def test_a_file_stays_as_it_came_until_other_bytes_come(desk):
    desk.bring(b"weights")
    desk.commit(lfs_line("m.safetensors", b"weights"))
    desk.commit(file_line(".gitattributes", b"*.json filter=lfs\n"))
    assert desk.head.all_files().get(path="m.safetensors").lfs
    desk.commit(file_line("m.safetensors", b"weights"))
    assert desk.head.all_files().get(path="m.safetensors").lfs
    desk.commit(file_line("m.safetensors", b"others"))
    assert not desk.head.all_files().get(path="m.safetensors").lfs


def test_gitattributes_that_cannot_be_read(desk):
    content = {"files": [], "gitAttributes": "x filter=lfs\n" * 3000}
    assert desk.api("post", "preupload/main", content).status_code == 400
    assert desk.commit(file_line(".gitattributes", b"x filter=lfs\n" * 3000)).status_code == 400

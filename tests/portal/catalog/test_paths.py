"""A revision holds only paths that every file system can hold too."""

from __future__ import annotations

import unicodedata

import pytest

from portal.catalog.errors import BadPath
from portal.catalog.folder_checks import check
from portal.catalog.paths import require_path, require_tree
from tests.factories.catalog import make_folder
from tests.portal.hub.desk import delete_line, file_line, make_desk

COMPOSED = unicodedata.normalize("NFC", "é.txt")
TAKEN_APART = unicodedata.normalize("NFD", "é.txt")
ONE_NAME = [
    ("A.txt", "a.txt"),
    (COMPOSED, TAKEN_APART),
    ("folder/Straße", "FOLDER/STRASSE"),
    ("A", "a/b"),
]


@pytest.mark.parametrize("pair", ONE_NAME)
def test_names_that_are_one_to_a_file_system_do_not_stand_side_by_side(pair):
    with pytest.raises(BadPath) as refused:
        require_tree(pair)
    assert all(path in refused.value.message for path in pair)


def test_what_stands_already_is_held_against_what_comes_alone():
    require_tree(["A.txt", "a.txt", "b.txt"], standing=["A.txt", "a.txt"])
    with pytest.raises(BadPath):
        require_tree(["A.txt", "a.txt"], standing=["A.txt"])
    require_tree(["A/x", "a/y"])  # two folders that a disk may well join


def test_a_name_fits_a_file_system():
    assert require_path("é" * 127 + "/" + "x" * 255)
    for path in ("x" * 256, "é" * 128, f"folder/{'x' * 256}/file"):
        with pytest.raises(BadPath, match="255 bytes"):
            require_path(path)


@pytest.mark.django_db
def test_no_commit_brings_such_names(client):
    desk = make_desk(client)
    for first, second in ONE_NAME:
        assert desk.commit(file_line(first, b"1"), file_line(second, b"2")).status_code == 422
    assert desk.commit(file_line("x" * 256, b"1")).status_code == 422
    assert desk.commit(file_line("A.txt", b"1")).status_code == 200
    assert desk.commit(file_line("a.txt", b"1")).status_code == 422
    renamed = desk.commit(delete_line("A.txt"), file_line("a.txt", b"1"))
    assert renamed.status_code == 200


def test_no_folder_that_is_published_has_them(tmp_path):
    folder = make_folder(tmp_path / "in", **{"A.txt": "1", "a.txt": "2", "bad\\name": "3"})
    problems = "\n".join(check(folder).problems)
    assert "are one name to many file systems" in problems
    assert "backslashes" in problems


@pytest.mark.django_db
def test_no_branch_or_tag_is_called_head(client):
    desk = make_desk(client)
    for answer in (
        desk.api("post", "branch/HEAD", {}),
        desk.api("post", "tag/main", {"tag": "HEAD"}),
    ):
        assert answer.status_code == 400
        assert "HEAD" in answer["X-Error-Message"]

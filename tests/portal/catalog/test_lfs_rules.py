"""Files go by LFS as .gitattributes says, read as git reads it."""

from __future__ import annotations

import pytest

from portal.catalog.contents import LFS_FROM_BYTES
from portal.catalog.lfs_rules import FIRST_ATTRIBUTES, parse_attributes
from portal.errors import Invalid
from tests.cpu import cpu_seconds


def by_lfs(text, *paths, size=5):
    rules = parse_attributes(text)
    return [path for path in paths if rules.is_lfs(path, size)]


@pytest.mark.parametrize(
    ("pattern", "matched", "passed_over"),
    [
        ("*.bin", ["a.bin", "d/e/a.bin"], ["a.BIN", "a.bin.txt", "a.bin/b"]),
        ("weights", ["weights", "d/weights"], ["weights/a"]),
        ("/top.bin", ["top.bin"], ["d/top.bin"]),
        ("data/*.bin", ["data/a.bin"], ["data/d/a.bin", "x/data/a.bin"]),
        ("data/**", ["data/a", "data/d/a"], ["x/data"]),
        ("**/deep/*", ["deep/a", "x/y/deep/a"], ["deep/x/a"]),
        ("saved/**/*", ["saved/a", "saved/b/c"], ["x/saved/a"]),
        ("[^ab].bin", ["c.bin"], ["a.bin"]),
        ('"a b.bin"', ["a b.bin"], ["a.bin"]),
    ],
)
def test_patterns_match_as_gits_do(pattern, matched, passed_over):
    assert by_lfs(f"{pattern} filter=lfs -text", *matched, *passed_over) == matched


def test_the_last_that_says_something_of_the_filter_decides():
    text = "*.bin filter=lfs\n# *.txt filter=lfs\nraw.bin -filter\n*.bin text\nx.bin !filter"
    assert by_lfs(text, "a.bin", "raw.bin", "x.bin", "a.txt") == ["a.bin"]
    assert by_lfs("*.bin filter=other", "a.bin") == []


def test_large_files_always_do_and_empty_ones_never():
    assert by_lfs("*.bin -filter", "a.bin", size=LFS_FROM_BYTES) == ["a.bin"]
    assert by_lfs("*.bin filter=lfs", "a.bin", size=0) == []


def test_a_new_repo_has_the_hubs_own():
    usual = ["m.safetensors", "m.bin", "m.gguf", "saved_model/a/b", "x.tar.gz"]
    assert by_lfs(FIRST_ATTRIBUTES, *usual, "config.json", "README.md") == usual


def test_hostile_ones_are_read_in_bounded_time():
    path = "/".join(["a" * 249] * 2)

    def read() -> None:
        assert by_lfs("*a" * 120 + "b filter=lfs", path) == []
        assert by_lfs("**/" * 200 + "b filter=lfs", path) == []
        assert by_lfs("*a" * 100 + "b/" + "*a" * 100 + "b filter=lfs", path) == []

    assert cpu_seconds(read) < 1
    with pytest.raises(Invalid):
        parse_attributes("*.bin filter=lfs\n" * 2001)

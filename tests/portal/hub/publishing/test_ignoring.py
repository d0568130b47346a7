"""A .gitignore leaves out what git would, whatever is in it, in bounded time."""

from __future__ import annotations

import pytest

from portal.errors import Invalid
from portal.hub.commits.gitignore import ignore_rules, ignored, require_few
from tests.cpu import cpu_seconds


def left_out(text, *paths):
    rules = ignore_rules({}, text)
    return [path for path in paths if ignored(rules, path)]


@pytest.mark.parametrize(
    ("text", "out", "kept"),
    [
        ("*.log", ["a.log", "d/a.log"], ["a.log.txt"]),
        ("/top", ["top", "top/a"], ["d/top"]),
        ("build/", ["build/a", "d/build/a"], ["build"]),
        ("a/b", ["a/b", "a/b/c"], ["x/a/b"]),
        ("a/**", ["a/b", "a/b/c"], ["a"]),
        ("**/a/*.txt", ["a/x.txt", "d/a/x.txt"], ["a/d/x.txt"]),
        ("*.log\n!keep.log", ["a.log"], ["keep.log"]),
        ("d/\n!d/keep", ["d/keep", "d/a"], ["keep"]),  # git does not look into what it leaves out
        ("# a comment\n\n\\#odd\n\\!odd  ", ["#odd", "!odd"], ["# a comment"]),
        ("a\\*b", ["a*b"], ["axb"]),
        ("[^a].txt", ["b.txt"], ["a.txt"]),
    ],
)
def test_it_leaves_out_what_git_would(text, out, kept):
    assert left_out(text, *out, *kept) == out


def test_hostile_patterns_take_bounded_time():
    path = "/".join(["a" * 249] * 2)
    patterns = "\n".join(["*a" * 20 + "b", "**/" * 200 + "b", "*a*a*a/" * 50 + "b"])

    def read() -> None:
        assert left_out(patterns, path) == []

    assert cpu_seconds(read) < 0.5


def test_a_long_file_and_many_deep_paths_are_refused_together():
    rules = ignore_rules({}, "*.log\n" * 2000)
    require_few(rules, ["a/b/c"] * 300)
    with pytest.raises(Invalid, match="fewer files"):
        require_few(rules, ["a/" * 200 + "b"] * 1000)

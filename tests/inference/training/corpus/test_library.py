"""Collect the corpus from the standard library, however a distribution lays it out."""

import pytest

from inference.training.corpus import library as data

TEXT = "x = 1\n" * 400


@pytest.fixture
def library(tmp_path, monkeypatch):
    """Make a standard library whose first file by hash is the first that a test may change."""
    for number in range(5):
        (tmp_path / f"module{number}.py").write_text(TEXT)
    monkeypatch.setattr(data.sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path)})
    return tmp_path


def first(library):
    return min(library.iterdir(), key=lambda path: data._shuffled(path.relative_to(library)))


def test_an_empty_module_is_not_what_is_held_out(library):
    first(library).write_text("")
    corpus = data.collect_corpus(100_000)
    assert (corpus.files, corpus.held_out) == (4, [TEXT])


def test_a_link_to_nowhere_is_passed_over(library):
    path = first(library)
    path.unlink()
    path.symlink_to("/nowhere/sitecustomize.py")
    assert data.collect_corpus(100_000).files == 4

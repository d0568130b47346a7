"""Read documents from every kind of file, and refuse in words what holds none."""

import bz2
import gzip
import json
import lzma
import sys

import pytest

from inference.errors import TrainError
from inference.training.corpus import readers
from inference.training.corpus.sources import find_sources

ROWS = [{"text": "one", "id": 1}, {"text": "two\nlines", "id": 2}]
LINES = "".join(f"{json.dumps(row)}\n" for row in ROWS)


def documents(*names, field="text"):
    return list(find_sources([str(name) for name in names], field).documents())


def refusal(*names, field="text"):
    with pytest.raises(TrainError) as refused:
        documents(*names, field=field)
    return str(refused.value)


@pytest.mark.parametrize(
    ("suffix", "compress"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)]
)
def test_what_is_compressed_is_read_through(tmp_path, suffix, compress):
    (tmp_path / f"a.jsonl.{suffix}").write_bytes(compress(LINES.encode()))
    (tmp_path / f"b.txt.{suffix}").write_bytes(compress("läuft".encode()))
    assert documents(tmp_path) == ["one", "two\nlines", "läuft"]


def test_zstandard_and_parquet_are_read_where_their_packages_are(tmp_path):
    arrow, zstandard = pytest.importorskip("pyarrow"), pytest.importorskip("zstandard")
    import pyarrow.parquet as parquet

    (tmp_path / "a.jsonl.zst").write_bytes(zstandard.compress(LINES.encode()))
    parquet.write_table(arrow.Table.from_pylist(ROWS), tmp_path / "b.parquet")
    assert documents(tmp_path) == ["one", "two\nlines"] * 2
    assert "has no field 'body'; its fields are 'text', 'id'" in refusal(
        tmp_path / "b.parquet", field="body"
    )
    assert "is of int64, not text" in refusal(tmp_path / "b.parquet", field="id")
    (tmp_path / "b.parquet").write_text("no table")
    assert "is no Parquet file" in refusal(tmp_path / "b.parquet")


@pytest.mark.parametrize(
    ("name", "package"), [("a.parquet", "pyarrow"), ("a.txt.zst", "zstandard")]
)
def test_a_package_that_is_not_there_is_named_with_its_remedy(tmp_path, monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / name).write_text("x")
    assert f"{package} is not installed: pip install 'weightgate[train]'" in refusal(tmp_path)


def test_folders_files_and_patterns_are_read_in_one_order_each_once(tmp_path):
    for name in ("b.txt", "a.md", "sub/c.txt", "code.py", ".hidden/d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert documents(tmp_path, tmp_path / "b.txt") == ["a.md", "b.txt", "sub/c.txt"]
    assert documents(tmp_path / "**/*.txt") == ["b.txt", "sub/c.txt"]
    assert documents(tmp_path / "code.py") == ["code.py"]


def test_a_long_text_is_cut_at_a_lines_end(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "MOST_CHARACTERS", 10)
    (tmp_path / "a.txt").write_text("first line\nsecond\nthird")
    assert documents(tmp_path) == ["first line\n", "second\nthird"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"", "a.txt is empty"),
        ("a.txt", b"\xff\xfe", "a.txt is not UTF-8"),
        ("a.jsonl", b'{"body": "x"}\n', "line 1 has no field 'text'; its fields are 'body'"),
        ("a.jsonl", b'{"text": "x"}\n{"text": 5}', "line 2: field 'text' holds no text"),
        ("a.jsonl", b"[1]\n", "line 1 is no object"),
        ("a.jsonl", b"{text", "line 1 is not JSON"),
        ("a.txt.gz", b"not compressed", "is cut short or not compressed as its name says"),
        ("a.txt.xz", lzma.compress(b"x" * 99)[:40], "is cut short"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_place(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    assert reason in refusal(tmp_path)


def test_what_names_no_file_is_refused(tmp_path):
    (tmp_path / "image.png").write_text("x")
    assert "there is no such file or folder" in refusal(tmp_path / "absent.txt")
    assert "matches no file" in refusal(tmp_path / "*.txt")
    assert "holds no .txt, .md, .jsonl or .parquet" in refusal(tmp_path)

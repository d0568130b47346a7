"""All that is wrong with a folder is named at once, each with its remedy."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers.models import BPE

from portal.catalog.folder_checks import LARGEST_FILE_BYTES, check
from portal.catalog.formats.safetensors import inspect
from tests.factories.catalog import make_folder

FIRST, SECOND = (f"model-0000{number}-of-00002.safetensors" for number in (1, 2))
INDEX = "model.safetensors.index.json"


@pytest.fixture
def folder(tmp_path) -> Path:
    return make_folder(tmp_path / "in")


def problems(folder: Path, **options) -> str:
    findings = check(folder, **options)
    return "\n".join([*findings.missing, *findings.problems])


def test_a_sound_folder_has_none(folder):
    findings = check(folder)
    assert (findings.problems, findings.warnings) == ([], [])


def test_all_of_them_are_named_at_once(folder):
    (folder / "LICENSE").unlink()
    (folder / "config.json").write_text("[]")
    (folder / "tokenizer.json").write_text("{}")
    (folder / "README.md").write_text("# No front matter\n")
    (folder / "optimizer.pt").write_bytes(b"\x80\x02")
    (folder / SECOND).write_bytes(b"short")
    text = problems(folder)
    for said in (
        "LICENSE is missing",
        "config.json is not an object",
        "tokenizer.json can’t be loaded",
        "README.md has no front matter",
        "optimizer.pt is a pickle",
        f"{SECOND}: it is not a safetensors file",
    ):
        assert said in text
    assert "it is in no file" not in text  # that the shard can’t be read says it


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (FIRST, "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
        ("figures/plan.png", "/annex/objects/MD5E-s1--0.png\n", "a git-annex pointer"),
        ("config.json", "<!DOCTYPE html><html>Sign in</html>", "a web page"),
    ],
)
def test_what_stands_for_a_file_is_not_the_file(folder, name, text, said):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    assert problems(folder) == f"{name} is {said}, not the file itself: fetch it again"


def test_a_page_may_be_published(folder):
    (folder / "index.html").write_text("<!DOCTYPE html><html>Our model</html>")
    assert problems(folder) == ""


def in_two_files(folder):
    (folder / "tokenizer.json").unlink()
    BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")]).save(str(folder))
    return folder


def test_a_tokenizer_in_two_files_will_do(folder):
    assert problems(in_two_files(folder)) == ""


@pytest.mark.parametrize("missing", ["vocab.json", "merges.txt"])
def test_half_a_tokenizer_is_none(folder, missing):
    (in_two_files(folder) / missing).unlink()
    assert "tokenizer.json is missing: " in problems(folder)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("merges.txt", "a c\n", "vocab.json and merges.txt make no tokenizer"),
        ("vocab.json", "[", "vocab.json and merges.txt make no tokenizer"),
        ("merges.txt", "version https://git-lfs.github.com/spec/v1\n", "merges.txt is a Git LFS"),
    ],
)
def test_two_files_that_make_no_tokenizer_are_named(folder, name, text, said):
    (in_two_files(folder) / name).write_text(text)
    assert said in problems(folder)
    assert str(folder) not in problems(folder)


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (b"---\nlicense: other\n# never ended\n", "has no front matter"),
        (b"---\na: [\n---\n", "is not YAML"),
        (b"---\n- a list\n---\n", "names no fields"),
        (b"---\ntags: [opt]\n---\n", "names no license"),
        (b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_a_card_says_its_licence_in_front(folder, card, said):
    (folder / "README.md").write_bytes(card)
    assert said in problems(folder)


@pytest.mark.parametrize("name", ["a.bin", "a.pt", "a.pth", "a.ckpt", "a.pkl"])
def test_a_pickle_is_refused_and_why_is_said(folder, name):
    (folder / name).write_bytes(b"\x80\x02")
    assert "runs code" in problems(folder)
    allowed = check(folder, allow_pickle=True)
    assert (allowed.missing, allowed.problems) == ([], [])
    assert f"{name} is a pickle" in allowed.warnings[0]


def test_weights_in_a_pickle_are_not_called_absent(folder):
    for path in folder.glob("model*"):
        path.unlink()
    assert "There are no safetensors files: add the weights" in problems(folder)
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x02")
    said = [
        *check(folder).missing,
        *check(folder).problems,
        *check(folder, allow_pickle=True).warnings,
    ]
    assert sum("The weights are in pytorch_model.bin" in problem for problem in said) == 2
    assert not any("add the weights" in problem for problem in said)


def test_an_adapter_is_called_one(folder):
    (folder / "config.json").unlink()
    (folder / "adapter_config.json").write_text("{}")
    assert "the folder holds an adapter (adapter_config.json): merge it" in problems(folder)


def test_files_that_clients_can_not_fetch_are_refused(folder):
    with (folder / "large.npz").open("wb") as large:
        large.truncate(LARGEST_FILE_BYTES)
    assert problems(folder) == ""
    os.truncate(folder / "large.npz", LARGEST_FILE_BYTES + 1)
    assert "large.npz is over 50 GB" in problems(folder)


def test_a_shard_that_loses_much_is_warned_of(folder):
    with (folder / "large.npz").open("wb") as large:
        large.truncate(2_000_000_001)
    assert "shards of 2 GB or less" in check(folder).warnings[0]


def test_a_licence_that_is_not_the_signed_one_is_warned_of(folder):
    assert "not the text that people sign" in check(folder, supplied={"LICENSE": "x"}).warnings[0]


def test_index_and_shards_agree_both_ways(folder):
    index = {"a.weight": SECOND, "c.weight": FIRST, "d.weight": "gone.safetensors"}
    (folder / INDEX).write_text(json.dumps({"weight_map": index}))
    text = problems(folder)
    assert f"says that a.weight is in {SECOND}; it is in {FIRST}" in text
    assert f"says that c.weight is in {FIRST}; it is in no file" in text
    assert "gone.safetensors is missing: " in text
    (folder / INDEX).write_text(json.dumps({"weight_map": {**index, "d.weight": FIRST}}))
    text = problems(folder)
    assert f"d.weight is in {FIRST}; it is in no file" in text
    assert f"b.weight, in {SECOND}, is in no index" in text


def test_json_of_any_name_is_read_as_its_writers_read_it(folder):
    (folder / "tokenizer_config.json").write_text(
        '{"model_max_length": 1000000000000000019884624838656}'
    )
    (folder / "trainer_state.json").write_text('{"loss": NaN}')
    assert problems(folder) == ""
    (folder / "generation.json").write_text("{garbage")
    assert "generation.json is not JSON" in problems(folder)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"weight_map": []}'])
def test_an_index_that_is_none_is_named(folder, text):
    (folder / INDEX).write_text(text)
    assert f"{INDEX} can’t be read" in problems(folder)


def test_shards_need_an_index(folder):
    (folder / INDEX).unlink()
    assert f"{INDEX} is missing" in problems(folder)


def test_a_tensor_lies_in_one_shard(folder):
    save_file({"a.weight": np.ones(4, np.float32)}, folder / SECOND)
    assert f"a.weight is in {FIRST} and in {SECOND}" in problems(folder)


def test_a_thousand_of_one_kind_hide_no_other(folder):
    index = {f"t{number}": FIRST for number in range(1000)}
    (folder / INDEX).write_text(json.dumps({"weight_map": index}))
    listed = check(folder).missing + check(folder).problems
    assert len(listed) == 21
    assert listed[-1] == "… and 982 more of that kind"


def written(path: Path, header: object, data: bytes = b"\0" * 16) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def entry(start: int = 0, end: int = 16, shape: object = (4,), dtype: object = "F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


HALF = entry(0, 8, [2])
TWICE = b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"a":0}'


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"a": entry(dtype="F33")}, "none that safetensors has"),
        ({"a": entry(shape=[5])}, "takes 20 bytes, its offsets hold 16"),
        ({"a": entry(shape=[-4])}, "must be whole numbers"),
        ({"a": entry(shape=[True, 4])}, "must be whole numbers"),
        ({"a": entry(start=16, end=0, shape=[])}, "its offsets hold -16"),
        ({"a": {"dtype": "F32"}}, "must be whole numbers"),
        ({"a": 3}, "is not an object"),
        ({"a": HALF, "b": entry(4, 12, [2]), "c": entry(12, 16, [1])}, "b overlaps a"),
        ({"a": HALF, "b": entry(12, 16, [1])}, "4 bytes between a and b belong to no tensor"),
        ({"a": HALF}, "bytes follow the last tensor"),
        ({"a": entry(0, 32, [8])}, "it is cut short"),
        ([], "its header is not an object"),
        (b"{", "it is not a safetensors file"),
        (b"{{", "its header is not JSON"),
        (b"\xff\xff", "its header is not JSON"),
        (TWICE, "“a” comes twice"),
        ({"a": entry(dtype=["F32"])}, "none that safetensors has"),
        ({"a": entry(shape=[2**62] * 65)}, "its shape has 65 dimensions"),
        (b"[" * 200_000, "its header is not JSON"),
    ],
)
def test_a_header_must_be_able_to_be_true(tmp_path, header, said):
    _, found = inspect(written(tmp_path / "a.safetensors", header))
    assert said in "\n".join(found)


def test_what_the_library_writes_is_sound(tmp_path):
    for dtype in (np.float32, np.float16, np.int64, np.uint8, np.bool_):
        save_file({"a": np.zeros((3, 5), dtype), "b": np.zeros(0, dtype)}, tmp_path / "a")
        tensors, found = inspect(tmp_path / "a")
        assert (len(tensors), found) == (2, [])

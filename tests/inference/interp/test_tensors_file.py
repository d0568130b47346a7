"""Files of captures: what is read is what was captured; safetensors reads them too."""

import hashlib
import io
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference import SamplingParams
from inference.interp import Capture, Last, Mean, TopK
from inference.interp.file_layout import TensorLayout, most_captured, read_layout, read_name
from inference.interp.tensors_file import (
    read_captured,
    read_tensor,
    write_captured,
    write_tensors_file,
)
from tests.inference.interp.test_reductions import EVERY_REDUCTION, require_same_captures
from tests.inference.interp.test_white_box import EVERYTHING, GREEDY, PROMPT
from tests.inference.tiny_opts import ROOT

TWO = SamplingParams(n=2, max_tokens=6, seed=3, ignore_eos=True)
EVERY_CAPTURE = (*EVERYTHING, *EVERY_REDUCTION)


@pytest.fixture
def written(engine, tmp_path):
    """Return the path of a file of two samples' captures, these, and what writing returned."""
    [output] = engine.generate([PROMPT], TWO, captures=EVERY_CAPTURE)
    captured = {sample.index: sample.captured for sample in output.outputs}
    path = tmp_path / "captures.safetensors"
    with path.open("wb") as file:
        return path, captured, write_captured(file, captured)


def test_what_was_captured_is_read_back(written):
    path, captured, _ = written
    read = read_captured(path)
    assert set(read) == {0, 1}
    for choice, expected in captured.items():
        require_same_captures(read[choice], expected)
        torch.testing.assert_close(read[choice].indices("output", 1), expected.indices("output", 1))


def test_safetensors_reads_it_and_hash_and_layout_are_as_said(written):
    path, captured, file = written
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert file.size_bytes == path.stat().st_size
    tensors = load_file(path)
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == {
        name: layout.shape for name, layout in file.tensors.items()
    }
    assert read_layout(path) == file.tensors
    torch.testing.assert_close(tensors["1.heads.0"], captured[1].values("heads", 0))
    torch.testing.assert_close(tensors["0.attention.1"], captured[0].values("attention", 1))
    assert tensors["0.logits.last.positions"].tolist() == [21]
    assert tensors["0.output.0.mean.positions"].tolist() == list(range(22))
    assert tensors["0.output.0.top_k.indices"].dtype == torch.int32


def test_a_request_makes_what_was_counted_before(engine, written):
    _, _, file = written
    most = most_captured(EVERY_CAPTURE, engine.config, len(PROMPT), 6, range(2))
    assert list(most.items()) == list(file.tensors.items())  # in order, so as large to the byte


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_fewer_positions_and_narrow_numbers_are_counted_and_written(engine, tmp_path, dtype):
    captures = [
        Capture("attention", [1], [4, 9], dtype),
        Capture("attention", [0], [9, 4], dtype, reduce=Mean()),
        Capture("output", [0], range(3, 20, 4), dtype),
        Capture("logits", positions=[0], reduce=TopK(2)),
        Capture("output", [1], [7, 8], reduce=Last()),
    ]
    [output] = engine.generate([PROMPT], GREEDY, captures=captures)
    captured = output.outputs[0].captured
    with (tmp_path / "file").open("wb") as file:
        layout = write_captured(file, {0: captured}).tensors
    assert layout == most_captured(captures, engine.config, len(PROMPT), 6)
    assert layout["0.attention.1"] == TensorLayout(dtype, (2, 4, 10))
    assert layout["0.attention.0.mean"] == TensorLayout("float32", (1, 4, 10))
    require_same_captures(read_captured(tmp_path / "file")[0], captured)


def test_rows_are_read_by_their_positions(written):
    path, captured, _ = written
    rows = read_tensor(path, "1.output.0", [20, 3])
    torch.testing.assert_close(rows, captured[1].values("output", 0)[[20, 3]])
    assert read_tensor(path, "0.output.0.mean").shape == (1, 32)
    with pytest.raises(ValueError, match=r"0\.output\.0 has no values at position 22"):
        read_tensor(path, "0.output.0", [22])
    with pytest.raises(ValueError, match=r"there is no tensor '0\.output\.9\.positions'"):
        read_tensor(path, "0.output.9", [1])
    with pytest.raises(ValueError, match="has no row for each position"):
        read_tensor(path, "0.output.0.mean", [5])


def test_tensors_of_ones_own_are_written_as_safetensors_writes_them(tmp_path):
    tensors = {"a": torch.arange(6.0).reshape(2, 3).T, "b": torch.ones(2, dtype=torch.bfloat16)}
    file = io.BytesIO()
    write_tensors_file(file, tensors)
    (tmp_path / "ours").write_bytes(file.getvalue())
    for name, tensor in load_file(tmp_path / "ours").items():
        torch.testing.assert_close(tensor, tensors[name], rtol=0, atol=0)
    write_tensors_file(file := io.BytesIO(), {"a": tensors["a"].numpy()})
    assert read_back(tmp_path, file.getvalue()).tolist() == tensors["a"].tolist()


def read_back(folder, data):
    (folder / "again").write_bytes(data)
    return read_tensor(folder / "again", "a")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[:300],
        lambda data: data[:-1],
        lambda data: b"\xff" * 8 + data[8:],
        lambda data: data[:8] + b"[" + data[9:],
        lambda data: data.replace(b'"F32"', b'"X32"', 1),
        lambda data: data.replace(b'"shape":[', b'"shape":[9', 1),
    ],
)
def test_what_is_no_such_file_is_refused(written, tmp_path, spoil):
    data = written[0].read_bytes()
    (tmp_path / "spoilt").write_bytes(spoil(data))
    with pytest.raises(ValueError, match="safetensors"):
        read_captured(tmp_path / "spoilt")


def test_files_of_other_tensors_hold_no_captures(tmp_path):
    save_file({"weight": torch.ones(2)}, tmp_path / "other")
    with pytest.raises(ValueError, match="'weight' is no name of captured values, such as"):
        read_captured(tmp_path / "other")
    for name in ("0.logits.3", "0.output", "output.3", "0.mind.1", "0.output.3.most"):
        with pytest.raises(ValueError, match="no name of captured values"):
            read_name(name)


NO_TORCH = """
import sys
from pathlib import Path
sys.modules["torch"] = None
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "torch" else find(name)
from inference.interp.tensors_file import read_captured
captured = read_captured(Path(sys.argv[1]))[0]
print(captured.values("attention", 0).shape, captured.values("output", 1)[:2].sum())
print(captured.patch("output", 1, [3]).value.dtype, captured.indices("output", 0).dtype)
"""


def test_without_torch_values_are_arrays_of_numpy(engine, tmp_path):
    captures = [
        Capture("attention", [0]),
        Capture("output", [1], dtype="bfloat16"),
        Capture("output", [0], reduce=TopK(2)),
    ]
    [output] = engine.generate([PROMPT], GREEDY, captures=captures)
    captured = output.outputs[0].captured
    with (tmp_path / "file").open("wb") as file:
        write_captured(file, {0: captured})
    run = subprocess.run(
        [sys.executable, "-c", NO_TORCH, tmp_path / "file"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    total = captured.values("output", 1)[:2].float().sum().item()
    first, second = run.stdout.splitlines()
    assert first.startswith("(22, 4, 22) ")
    assert float(first.split()[-1]) == pytest.approx(total, rel=1e-5)
    assert second == "float32 int32"

"""Captures and interventions as JSON: what is read is what was written, or refused by number."""

import json
import subprocess
import sys

import pytest
import torch

from inference.config import OptConfig
from inference.interp import Capture, Intervention, Last, Mean, Projection, TopK
from inference.interp.spec import WhiteBox
from inference.interp.validation import checked_captures, checked_interventions
from inference.interp.wire import (
    TensorReference,
    capture_json,
    intervention_json,
    read_captures,
    read_interventions,
    references,
    resolved,
)
from tests.inference.tiny_opts import ROOT

MATRIX = TensorReference("weight", file="file-1")
ROWS = TensorReference("0.output.1", completion="cmpl-1", positions=(4, 2))
CAPTURES = (
    Capture("output"),
    Capture("attention", (0, 1), (3,), "bfloat16"),
    Capture("output", reduce=Last()),
    Capture("heads", (1,), reduce=Mean()),
    Capture("logits", reduce=TopK(5)),
    Capture("neurons", (0,), reduce=Projection([[0.5] * 64])),
    Capture("input", reduce=Projection(MATRIX, TensorReference("bias", file="file-1"))),
)
INTERVENTIONS = (
    Intervention("output", "add", [0.5] * 32, 0),
    Intervention("heads", "scale", 0, 1, (0, 4), (2,)),
    Intervention("output", "replace", ROWS, 1, (6, 7)),
)
CONFIG = OptConfig(99, 32, 2, 64, 4, 96, 32)


def over_json(items):
    return json.loads(json.dumps(items))


def test_what_was_written_is_read():
    assert read_captures(over_json([capture_json(item) for item in CAPTURES])) == CAPTURES
    written = over_json([intervention_json(item) for item in INTERVENTIONS])
    assert read_interventions(written) == INTERVENTIONS
    assert read_captures(None) == read_interventions(None) == ()


def test_tensors_are_written_as_lists_and_ranges_as_their_numbers():
    written = intervention_json(Intervention("output", "add", torch.ones(2), 0, range(2)))
    assert written["value"] == [1.0, 1.0]
    assert written["positions"] == [0, 1]
    written = capture_json(Capture("output", range(2), reduce=Projection(torch.eye(2))))
    assert written["layers"] == [0, 1]
    assert written["reduce"] == {"kind": "projection", "matrix": [[1.0, 0.0], [0.0, 1.0]]}


def test_references_are_listed_and_resolved_by_who_has_the_tensors():
    white_box = WhiteBox(CAPTURES, INTERVENTIONS)
    bias = TensorReference("bias", file="file-1")
    assert references(white_box) == [MATRIX, bias, ROWS]
    tensors = {MATRIX: torch.ones(3, 32), bias: torch.ones(3), ROWS: torch.ones(2, 32)}
    ready = resolved(white_box, tensors.__getitem__)
    assert ready.captures[6].reduce.matrix is tensors[MATRIX]
    assert ready.interventions[2].value is tensors[ROWS]
    assert references(ready) == []


def test_what_resolving_refuses_names_its_number():
    def resolve(reference):
        raise ValueError(f"there is no {reference.file or reference.completion}")

    with pytest.raises(ValueError, match="capture 6: there is no file-1"):
        resolved(WhiteBox(CAPTURES), resolve)
    with pytest.raises(ValueError, match="intervention 2: there is no cmpl-1"):
        resolved(WhiteBox((), INTERVENTIONS), resolve)


def test_shapes_of_references_are_checked_where_they_are_known():
    checked_interventions(INTERVENTIONS, CONFIG, 9)
    narrow = TensorReference("weight", file="file-1", shape=(3, 31))
    with pytest.raises(ValueError, match=r"capture 0: matrix of shape \(3, 31\) must be"):
        checked_captures([Capture("input", reduce=Projection(narrow))], CONFIG, 9, 1, 10**9)
    with pytest.raises(ValueError, match=r"intervention 0: value of shape \(3, 31\) does not"):
        checked_interventions([Intervention("output", "add", narrow, 0, range(3))], CONFIG, 9)


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ({}, "capture must be a list of objects"),
        (["output"], "capture 0: must be an object with the fields site, layers"),
        ([{}], "capture 0: site must be one of input, attention"),
        ([{"site": ["output"]}], "capture 0: site must be one of"),
        ([{"site": "output"}, {"site": "output", "layer": 1}], "capture 1: unknown field 'layer'"),
        ([{"site": "output", "layers": []}], "capture 0: layers names none: leave it out for all"),
        ([{"site": "output", "layers": 1}], "layers must be a list of whole numbers, or null"),
        ([{"site": "output", "layers": [True]}], "layers must be a whole number, not True"),
        ([{"site": "output", "positions": [0.5]}], "positions must be a whole number, not 0.5"),
        ([{"site": "output", "dtype": "int8"}], "dtype must be one of float32"),
        ([{"site": "output", "reduce": "mean"}], "reduce must be null or an object such as"),
        ([{"site": "output", "reduce": {"kind": "max"}}], "reduce.kind must be one of last, mean"),
        ([{"site": "output", "reduce": {"kind": "mean", "k": 1}}], "unknown field 'k'"),
        ([{"site": "output", "reduce": {"kind": "top_k"}}], "reduce.k must be a whole number"),
        ([{"site": "output", "reduce": {"kind": "projection"}}], "reduce.matrix is missing"),
        (
            [{"site": "output", "reduce": {"kind": "projection", "matrix": {"tensor": "a"}}}],
            "reduce.matrix must name either a file or a completion",
        ),
        (
            [{"site": "output", "reduce": {"kind": "projection", "matrix": {"file": "file-1"}}}],
            "reduce.matrix.tensor must be a text, not None",
        ),
    ],
)
def test_captures_that_cannot_be_read_are_refused_by_number(items, reason):
    with pytest.raises(ValueError, match=reason):
        read_captures(items)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"value": None}, "intervention 0: value is missing"),
        ({"action": "melt"}, "action must be one of add, scale, replace"),
        ({"layer": "0"}, "layer must be a whole number, not '0'"),
        ({"units": [[1]]}, r"units must be a whole number, not \[1\]"),
        ({"value": {"file": "file-1", "tensor": "a", "positions": [1]}}, "go with a completion"),
        ({"value": {"file": "f", "completion": "c", "tensor": "a"}}, "either a file or a"),
        ({"value": {"file": "file-1", "tensor": "a", "row": 1}}, "unknown field 'row' in value"),
        ({"value": {"completion": "c", "tensor": "a", "positions": "1"}}, "value.positions must"),
    ],
)
def test_interventions_that_cannot_be_read_are_refused_by_number(change, reason):
    item = {"site": "output", "action": "add", "layer": 0, "value": 1.0} | change
    with pytest.raises(ValueError, match=reason):
        read_interventions([item])


def test_values_are_looked_at_when_they_are_checked():
    for value, reason in (
        ("much", "is no number"),
        ([[1], 2], "no list of numbers"),
        (1e39, "inf"),
    ):
        [change] = read_interventions(
            [{"site": "output", "action": "add", "layer": 0, "value": value}]
        )
        with pytest.raises(ValueError, match=f"intervention 0: value .*{reason}"):
            checked_interventions([change], CONFIG, 9)


def test_what_a_server_needs_to_take_a_request_in_loads_no_torch():
    code = (
        "import sys, inference.interp, inference.interp.wire, inference.interp.file_layout, "
        "inference.interp.validation; sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)

"""Looking inside has its costs measured, and measuring leaves the engine as it was."""

import torch

from inference import Engine, SamplingParams
from inference.bench.white_box import report, without_hooks
from inference.interp import Capture
from inference.model.opt import DecoderLayer
from tests.inference.tiny_opts import tokens_of


def test_the_engine_without_the_places_says_the_same(plain_opt):
    params = SamplingParams(max_tokens=8, temperature=0.0, ignore_eos=True)
    with Engine(plain_opt[0]) as engine:
        expected = tokens_of(engine.generate([[2, 5, 7]], params))
        with without_hooks(engine):
            assert tokens_of(engine.generate([[2, 5, 7]], params)) == expected
        [output] = engine.generate([[2, 5, 7]], params, captures=[Capture("output")])
        assert output.outputs[0].captured.values("output", 1).shape == torch.Size([10, 32])
        layers = [m for m in engine._executor.model.modules() if isinstance(m, DecoderLayer)]
    assert {type(layer) for layer in layers} == {DecoderLayer}


def test_a_report_has_a_row_for_each_comparison(plain_opt):
    with Engine(plain_opt[0]) as engine:
        lines = "\n".join(report(engine, rounds=2)).splitlines()
    assert len([line for line in lines if line.startswith("| ")]) == 2 + 2 + 2 + 9
    assert lines[-1].startswith("As a file, hashed: ")

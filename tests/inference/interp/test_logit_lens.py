"""The logit lens reads each layer's output as the model reads its last."""

import pytest
import torch

from inference import Engine
from inference.interp import Capture, Intervention, TopK
from tests.inference.interp.test_white_box import GREEDY, PROMPT, close, peers_view
from tests.inference.tiny_opts import make_opt

LENS = (Capture("logit_lens"), Capture("logit_lens", reduce=TopK(3)), Capture("logits"))


@torch.no_grad()
def peers_lens(peer, hidden):
    """Turn hidden states [tokens, hidden_size] into logits as transformers' model does."""
    decoder = peer.model.decoder
    for step in (decoder.final_layer_norm, decoder.project_out):
        hidden = hidden if step is None else step(hidden)
    return peer.lm_head(hidden)


def test_it_is_what_transformers_head_makes_of_each_layers_output(opt):
    directory, peer = opt
    with Engine(directory, max_num_batched_tokens=8) as engine:  # the prompt in three chunks
        [output] = engine.generate([PROMPT], GREEDY, captures=LENS)
        layers = range(engine.config.num_hidden_layers)
    [sample] = output.outputs
    seen = peers_view(peer, [*PROMPT, *sample.token_ids[:-1]])
    for layer in layers:
        expected = peers_lens(peer, seen["output", layer])
        close(sample.captured.values("logit_lens", layer), expected)
        top = sample.captured.indices("logit_lens", layer)
        close(expected.gather(1, top.long()), expected.topk(3).values)
    close(sample.captured.values("logit_lens", layers[-1]), sample.captured.values("logits"))


def test_it_sees_a_changed_output(plain_opt):
    change = Intervention("output", "replace", 0.0, layer=0)
    with Engine(plain_opt[0]) as engine:
        [output] = engine.generate([PROMPT], GREEDY, captures=LENS, interventions=[change])
    values = output.outputs[0].captured.values("logit_lens", 0)
    close(values, values[:1].expand_as(values))  # of nothing but zeros, the same everywhere


def test_tensor_ranks_see_it_as_one_rank_does(tmp_path):
    make_opt(tmp_path, vocab_size=101)
    captured = []
    for ranks in (1, 3):
        with Engine(tmp_path, tensor_parallel_size=ranks) as engine:
            [output] = engine.generate([PROMPT], GREEDY, captures=LENS)
        captured.append(output.outputs[0].captured)
    for layer in (0, 1):
        close(*(sample.values("logit_lens", layer) for sample in captured))
        close(*(sample.values("logit_lens", layer, "top_k") for sample in captured))


def test_only_the_last_stage_has_it(tmp_path):
    make_opt(tmp_path)
    with Engine(tmp_path, pipeline_parallel_size=2) as engine:
        with pytest.raises(ValueError, match="capture 0: the logit lens needs layers of the last"):
            engine.generate([PROMPT], GREEDY, captures=LENS)
        last = Capture("logit_lens", layers=[1])
        [output] = engine.generate([PROMPT], GREEDY, captures=[last, LENS[2]])
    captured = output.outputs[0].captured
    close(captured.values("logit_lens", 1), captured.values("logits"))


def test_it_can_be_read_and_not_changed(plain_opt):
    change = Intervention("logit_lens", "add", 1.0, layer=0)
    with (
        Engine(plain_opt[0]) as engine,
        pytest.raises(ValueError, match="logit_lens can be captured, not changed; output can be"),
    ):
        engine.generate([PROMPT], GREEDY, interventions=[change])

"""Capture and change over several ranks, as one rank does."""

import pytest

from inference import Engine, EngineRequest, SamplingParams
from tests.inference.interp.test_white_box import EDITS, EVERYTHING, LAYER_SITES, close
from tests.inference.tiny_opts import RAGGED, make_opt, tokens_of

PARAMS = SamplingParams(
    max_tokens=5, temperature=0.0, prompt_logprobs=0, logprobs=1, ignore_eos=True
)
UNEVEN = {"vocab_size": 101, "ffn_dim": 65, "num_hidden_layers": 3}  # and 4 heads over 3 ranks
SHAPES = {
    "pre-norm": {},
    "post-norm with projections": {"do_layer_norm_before": False, "word_embed_proj_dim": 16},
}


def answers(directory, tensor, pipeline):
    """Each edit alone and none, in one batch; a second one patched by what the first captured."""
    with Engine(directory, tensor, pipeline, max_num_batched_tokens=40) as engine:
        edits = [(), *((edit,) for edit, _ in EDITS.values())]
        requests = [
            EngineRequest(
                RAGGED[number % 2 + 2], PARAMS, captures=EVERYTHING, interventions=changes
            )
            for number, changes in enumerate(edits)
        ]
        first = engine.run(requests)
        source = first[0].outputs[0].captured
        patches = [
            source.patch(site, layer, range(4, 9))
            for site, layer in (("heads", 0), ("neurons", 1), ("output", 0), ("logits", None))
        ]
        return first + engine.run(
            [
                EngineRequest(RAGGED[3], PARAMS, captures=EVERYTHING, interventions=(patch,))
                for patch in patches
            ]
        )


@pytest.mark.parametrize(
    ("shape", "tensor", "pipeline"),
    [("pre-norm", 3, 1), ("pre-norm", 1, 2), ("post-norm with projections", 2, 2)],
)
def test_ranks_see_and_change_what_one_rank_does(tmp_path, shape, tensor, pipeline):
    make_opt(tmp_path, **UNEVEN, **SHAPES[shape])
    expected, found = answers(tmp_path, 1, 1), answers(tmp_path, tensor, pipeline)
    assert tokens_of(found) == tokens_of(expected)
    points = [(site, layer) for site in LAYER_SITES for layer in range(3)] + [("logits", None)]
    for output, expected_output in zip(found, expected, strict=True):
        here, there = output.outputs[0].captured, expected_output.outputs[0].captured
        for point in points:
            assert here.positions(*point) == there.positions(*point)
            close(here.values(*point), there.values(*point))

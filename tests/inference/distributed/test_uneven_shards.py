"""Shares and stages of any shape compute transformers' logits; ranks are threads of the process."""

import random
import threading

import pytest
import torch

from inference.config import OptConfig
from inference.model.attention import CausalWindows
from inference.model.layout import Layout
from inference.model.loader import load_model
from tests.inference.tiny_opts import RAGGED, SHAPES, make_opt, reference_logits

PROMPT = RAGGED[2]
NORMS = list(SHAPES)


class Stage:
    """The tensor ranks of one stage: each adds its summand, all get the sum."""

    def __init__(self, ranks):
        self._summands = [None] * ranks
        self._barrier = threading.Barrier(ranks)

    def reduce_of(self, rank):
        def reduce(partial):
            self._summands[rank] = partial
            self._barrier.wait(20)
            total = torch.stack(self._summands).sum(0)
            self._barrier.wait(20)
            return total

        return reduce


def run_stage(directory, config, tensor, pipeline, stage, hidden):
    """Return what each tensor rank of a stage makes of hidden states (None: of the prompt)."""
    ranks, found = Stage(tensor), [None] * tensor

    @torch.inference_mode()
    def run(rank):
        layout = Layout(tensor, pipeline, stage * tensor + rank)
        reduce = ranks.reduce_of(rank) if tensor > 1 else None
        model = load_model(directory, config, "float32", "cpu", layout, reduce)
        begun = hidden
        if layout.is_first_stage:
            begun = model.embed(torch.tensor(PROMPT), torch.arange(len(PROMPT)))
        begun = model.decode(begun, CausalWindows(1, len(PROMPT)))
        found[rank] = model.logits(begun) if layout.is_last_stage else begun

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(tensor)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def uneven_shape(number):
    """Sizes, tensor and pipeline ranks by chance; heads and layers are no fewer than ranks."""
    chance = random.Random(number)
    tensor, pipeline = chance.choice([(2, 1), (3, 1), (5, 1), (1, 3), (2, 2), (3, 2), (2, 3)])
    heads, layers = chance.randint(tensor, 7), chance.randint(pipeline, 5)
    width = heads * chance.choice([4, 6, 8])
    sizes = {
        "hidden_size": width,
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "ffn_dim": chance.randint(tensor, 70),
        "vocab_size": chance.randint(96, 140),
        "word_embed_proj_dim": width,
    }
    return sizes | SHAPES[NORMS[number % len(NORMS)]], tensor, pipeline


@pytest.mark.parametrize("number", range(16))
def test_any_shape_over_any_ranks_computes_transformers_logits(tmp_path, number):
    sizes, tensor, pipeline = uneven_shape(number)
    peer = make_opt(tmp_path, **sizes)
    config, outputs = OptConfig.from_directory(tmp_path), [None]
    for stage in range(pipeline):
        outputs = run_stage(tmp_path, config, tensor, pipeline, stage, outputs[0])
    logits = torch.cat(outputs, dim=1)
    torch.testing.assert_close(logits, reference_logits(peer, PROMPT), atol=1e-4, rtol=0)

import json
from pathlib import Path

import pytest
import torch

from inference import Engine

torch.set_num_threads(1)

SHAPES = {
    "pre-norm": {},
    "pre-norm without final norm": {"_remove_final_layer_norm": True},
    "pre-norm without biases": {"enable_bias": False, "layer_norm_elementwise_affine": False},
    "pre-norm with gelu": {"activation_function": "gelu"},
    "post-norm with projections": {"do_layer_norm_before": False, "word_embed_proj_dim": 16},
}


def make_opt(directory: Path, **changes):
    """A two-layer, 32-wide random OPT as transformers makes and saves it."""
    from transformers import OPTConfig, OPTForCausalLM

    sizes = {
        "vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "ffn_dim": 64,
        "num_attention_heads": 4, "max_position_embeddings": 96,
    }  # fmt: skip
    torch.manual_seed(0)
    config = OPTConfig(**(sizes | {"init_std": 0.3} | changes))
    peer = OPTForCausalLM(config).eval()
    with torch.no_grad():
        for name, parameter in peer.named_parameters():
            if name.endswith("bias") or "layer_norm" in name:
                parameter.add_(torch.randn_like(parameter) * 0.2)
    peer.save_pretrained(directory)
    return peer


@pytest.fixture(scope="session", params=list(SHAPES))
def opt(request, tmp_path_factory):
    """(directory, transformers' model) in each layout of the family."""
    directory = tmp_path_factory.mktemp("opt")
    return directory, make_opt(directory, **SHAPES[request.param])


@pytest.fixture(scope="session")
def plain_opt(tmp_path_factory):
    directory = tmp_path_factory.mktemp("plain-opt")
    return directory, make_opt(directory)


@pytest.fixture(scope="session")
def engine(plain_opt):
    return Engine(model=plain_opt[0], max_num_batched_tokens=32)


@torch.no_grad()
def greedy_reference(peer, prompt, count):
    """transformers' argmax continuation, each token from the whole text without a cache."""
    tokens = list(prompt)
    for _ in range(count):
        tokens.append(int(peer(torch.tensor([tokens])).logits[0, -1].argmax()))
    return tokens[len(prompt) :]


def read_jsonl(path: Path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

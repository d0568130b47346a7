"""Tiny random OPTs made by transformers, and what transformers says of them."""

import json
import subprocess
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).parents[2]
SHAPES = {
    "pre-norm": {},
    "pre-norm without final norm": {"_remove_final_layer_norm": True},
    "pre-norm without biases": {"enable_bias": False, "layer_norm_elementwise_affine": False},
    "pre-norm with gelu and an odd vocabulary": {"activation_function": "gelu", "vocab_size": 97},
    "pre-norm with projections": {"word_embed_proj_dim": 16, "activation_function": "gelu_new"},
    "post-norm": {"do_layer_norm_before": False},
    "post-norm with projections": {"do_layer_norm_before": False, "word_embed_proj_dim": 16},
    "post-norm with projections without biases": {
        "do_layer_norm_before": False,
        "word_embed_proj_dim": 16,
        "enable_bias": False,
        "layer_norm_elementwise_affine": False,
    },
}
RAGGED = [[2] + [5 + (7 * n + 3 * k) % 90 for k in range(n - 1)] for n in (1, 5, 17, 32)]


def make_opt(directory: Path, **changes):
    """Make and save a random OPT with transformers."""
    peer = random_opt(**changes)
    peer.save_pretrained(directory)
    return peer


def random_opt(**changes):
    """Make a two-layer, 32-wide random OPT with transformers."""
    from transformers import OPTConfig, OPTForCausalLM

    sizes = {
        "vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "ffn_dim": 64,
        "num_attention_heads": 4, "max_position_embeddings": 96, "init_std": 0.3,
    }  # fmt: skip
    torch.manual_seed(0)
    peer = OPTForCausalLM(OPTConfig(**(sizes | changes))).eval()
    with torch.no_grad():
        for name, parameter in peer.named_parameters():
            if name.endswith("bias") or "layer_norm" in name:
                parameter.add_(torch.randn_like(parameter) * 0.2)
    return peer


@torch.no_grad()
def reference_logits(peer, tokens):
    """[tokens, vocab] fp32."""
    return peer(torch.tensor([tokens])).logits[0]


def greedy_reference(peer, prompt, count):
    """Return transformers' argmax continuation, each token from the whole text without a cache."""
    tokens = list(prompt)
    for _ in range(count):
        tokens.append(int(reference_logits(peer, tokens)[-1].argmax()))
    return tokens[len(prompt) :]


def tokens_of(outputs):
    return [sample.token_ids for output in outputs for sample in output.outputs]


def read_jsonl(path: Path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def run_cli(*arguments, stdin=""):
    """``python -m inference …`` from the repository's root."""
    return subprocess.run(
        [sys.executable, "-m", "inference", *map(str, arguments)],
        input=stdin, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

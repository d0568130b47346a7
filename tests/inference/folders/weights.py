"""Random OPTs that have much to say, and the ways in which libraries save them."""

import copy
import json
from functools import cache
from pathlib import Path

import torch

from tests.inference.folders.vocabulary import TOKENS
from tests.inference.tiny_opts import random_opt

ROWS = 304  # of the embedding: a multiple of 8, and four more than there are tokens
POST_NORM = {"do_layer_norm_before": False, "word_embed_proj_dim": 16}


@cache
def opt(**changes):
    """Return a random OPT, not to be changed. Spare rows are never likely, as after training."""
    peer = random_opt(**({"vocab_size": ROWS, "dropout": 0.1, "init_std": 0.6} | changes))
    with torch.no_grad():
        peer.get_input_embeddings().weight[TOKENS:] *= 0.01
    return peer


def copied(**changes):
    """Return a copy of it that may be changed."""
    return copy.deepcopy(opt(**changes))


def prefer(peer, token: int):
    """Make a token's row the likeliest by far wherever it can be: it leans to the final bias."""
    with torch.no_grad():
        table, norm = peer.get_input_embeddings().weight, peer.model.decoder.final_layer_norm
        table[token] = norm.bias / norm.bias.norm() * table[:TOKENS].norm(dim=1).max() * 2


def early_names(weights):
    """Without "model.", as OPT's first conversions were, and without the head."""
    return {
        name.removeprefix("model."): tensor
        for name, tensor in weights.items()
        if name != "lm_head.weight"
    }


def save_config(folder: Path, peer, **changes):
    """config.json and generation_config.json as transformers writes them, with fields changed."""
    peer.config.save_pretrained(folder)
    peer.generation_config.save_pretrained(folder)
    change(folder / "config.json", architectures=["OPTForCausalLM"], **changes)


def save_bin(folder: Path, peer, *, half=True, early=False):
    """pytorch_model.bin by torch.save, as transformers 4 did."""
    weights = {n: t.half() if half else t for n, t in peer.state_dict().items()}
    if not early:
        weights["lm_head.weight"] = weights["model.decoder.embed_tokens.weight"]
    torch.save(early_names(weights) if early else weights, folder / "pytorch_model.bin")
    save_config(folder, peer, dtype="float16" if half else "float32")


def save_bin_shards(folder: Path, peer):
    """pytorch_model-*.bin and their index, by huggingface_hub."""
    from huggingface_hub import save_torch_state_dict

    weights = {name: tensor.clone() for name, tensor in peer.state_dict().items()}
    save_torch_state_dict(weights, folder, safe_serialization=False, max_shard_size=40_000)
    save_config(folder, peer)


def save_model(folder: Path, peer):
    """model.safetensors by safetensors: of two names of one tensor it keeps the head's."""
    from safetensors.torch import save_model

    save_model(peer, str(folder / "model.safetensors"), metadata={"format": "pt"})
    save_config(folder, peer)


def change(path: Path, **fields):
    """Set fields of a JSON object; None takes a field away."""
    stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    stored = {name: value for name, value in (stored | fields).items() if value is not None}
    path.write_text(json.dumps(stored, indent=2), encoding="utf-8")

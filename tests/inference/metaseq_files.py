"""Cuts a transformers OPT into the files that metaseq would have saved, by rules of its own."""

import argparse
from collections import OrderedDict
from pathlib import Path

import torch

BY_ROWS = ("embed_tokens", "fc1", "q_proj", "k_proj", "v_proj")


def theirs(name: str) -> str:
    """metaseq's name of transformers'."""
    name = name.removeprefix("model.")
    for prefix, metaseq_prefix in (
        ("decoder.final_layer_norm", "decoder.layer_norm"),
        ("decoder.project_in.", "decoder.project_in_dim."),
        ("decoder.project_out.", "decoder.project_out_dim."),
    ):
        name = metaseq_prefix + name.removeprefix(prefix) if name.startswith(prefix) else name
    return name


def weights_of(peer):
    """Return float16 weights by transformers' names, without the tied head."""
    return {
        name: tensor.half()
        for name, tensor in peer.state_dict().items()
        if name != "lm_head.weight"
    }


def cut(weights, parts: int, *, fused: bool):
    """Cut weights into one dictionary by metaseq's names for each model-parallel part."""
    shards = [OrderedDict() for _ in range(parts)]
    for name, tensor in weights.items():
        name = theirs(name)
        rows = name.split(".")[-2] in BY_ROWS
        columns = name.endswith(("fc2.weight", "out_proj.weight"))
        for number, part in enumerate(shards):
            axis = 0 if rows else 1
            part[name] = (
                tensor.chunk(parts, axis)[number].clone() if rows or columns else tensor.clone()
            )
    return [fuse(part) for part in shards] if fused else shards


def fuse(part):
    """K, V and Q in one matrix, in that order, where metaseq's modules register it: first."""
    fused = OrderedDict()
    for name, tensor in part.items():
        if ".k_proj." in name:
            names = [name.replace(".k_proj.", f".{letter}_proj.") for letter in "kvq"]
            joined = torch.cat([part[third] for third in names])
            fused[name.replace(".k_proj.", ".qkv_proj.")] = joined
        elif ".v_proj." not in name and ".q_proj." not in name:
            fused[name] = tensor
    return fused


ORDER = ("qkv_proj", "k_proj", "v_proj", "q_proj", "out_proj", "self_attn_layer_norm", "fc1", "fc2",
         "final_layer_norm")  # fmt: skip
ROOT = ("embed_tokens", "project_in_dim", "embed_positions", "layer_norm", "project_out_dim")


def instances(part):
    """FSDP path and its weights, as modules register them: the root, then each layer."""
    layers = sorted({int(name.split(".")[2]) for name in part if name.startswith("decoder.layers")})
    yield (
        "",
        sorted(
            (name for name in part if ".layers." not in name),
            key=lambda name: (ROOT.index(name.split(".")[1]), name.endswith("bias")),
        ),
    )
    for layer in layers:
        prefix = f"decoder.layers.{layer}."
        yield (
            prefix[:-1],
            sorted(
                (name for name in part if name.startswith(prefix)),
                key=lambda name: (ORDER.index(name.split(".")[-2]), name.endswith("bias")),
            ),
        )


def flatten(part, shards: int):
    """(model, shard_metadata) of each shard: slices padded at their ends to the first's length."""
    models = [OrderedDict() for _ in range(shards)]
    metadata = [{"param_metadata": [], "buffer_names": ["decoder.version"]} for _ in models]
    for path, names in instances(part):
        flat = torch.cat([part[name].reshape(-1) for name in names])
        chunks = list(flat.chunk(shards))
        chunks += [flat[:0]] * (shards - len(chunks))
        for number, chunk in enumerate(chunks):
            padding = chunks[0].numel() - chunk.numel()
            key = f"{path}.flat_param_0" if path else "flat_param_0"
            models[number][key] = torch.cat([chunk, torch.full((padding,), 7.0).half()])
            metadata[number]["param_metadata"].append({
                "fsdp_path": path,
                "params": {"flat_param_0": {
                    "names": [name.removeprefix(f"{path}.") if path else name for name in names],
                    "shapes": [part[name].shape for name in names],
                    "numels": [part[name].numel() for name in names],
                    "padding": padding,
                }},
                "no_broadcast_optim_state": False,
                "shared_param_info": [] if path else [
                    ("decoder.embed_tokens.weight", "decoder.output_projection.weight")
                ],
            })  # fmt: skip
    for model in models:
        model["decoder.version"] = torch.tensor([3.0]).half()
    return list(zip(models, metadata, strict=True))


def noted(peer, parts: int):
    """Make metaseq's record of the model's shape, in a class that reading must not need."""
    config = peer.config
    return {
        "model": argparse.Namespace(
            decoder_embed_dim=config.hidden_size,
            decoder_layers=config.num_hidden_layers,
            decoder_ffn_embed_dim=config.ffn_dim,
            decoder_attention_heads=config.num_attention_heads,
            decoder_normalize_before=config.do_layer_norm_before,
            activation_fn=config.activation_function,
            no_scale_embedding=True,
            disable_bias=not config.enable_bias,
            disable_affine_ln=not config.layer_norm_elementwise_affine,
            model_parallel_size=parts,
        )
    }


def save(path: Path, model, peer, parts: int, metadata=None):
    """One .pt file, with the optimizer's state that nobody needs."""
    state = {"model": model, "cfg": noted(peer, parts), "last_optimizer_state": {"state": {}}}
    torch.save(state if metadata is None else state | {"shard_metadata": metadata}, path)


def save_raw(folder: Path, peer, *, parts: int, shards: int, fused: bool = True):
    """checkpoint_last-model_part-P-shardS.pt"""
    for number, part in enumerate(cut(weights_of(peer), parts, fused=fused)):
        for shard, (model, metadata) in enumerate(flatten(part, shards)):
            name = f"checkpoint_last-model_part-{number}-shard{shard}.pt"
            save(folder / name, model, peer, parts, metadata)


def save_parts(folder: Path, peer, *, parts: int, flat: str | None = None, fused: bool = True):
    """reshard-model_part-P.pt; flat: None, "described" or "bare" (without shard_metadata)."""
    for number, part in enumerate(cut(weights_of(peer), parts, fused=fused)):
        path = folder / f"reshard-model_part-{number}.pt"
        [(model, metadata)] = flatten(part, 1)
        model = part if flat is None else model  # unflattening leaves shard_metadata as it was
        save(path, model, peer, parts, None if flat == "bare" else metadata)


def save_singleton(folder: Path, peer, name: str = "restored.pt", *, fused: bool = True):
    """One file; with the output projection that is the embedding once more."""
    [part] = cut(weights_of(peer), 1, fused=fused)
    part["decoder.output_projection.weight"] = part["decoder.embed_tokens.weight"].clone()
    part["decoder.version"] = torch.tensor([3.0])
    save(folder / name, part, peer, 2)


def save_bin(folder: Path, peer):
    """pytorch_model-*.bin in two files, the head stored, and config.json."""
    weights = weights_of(peer)
    weights["lm_head.weight"] = weights["model.decoder.embed_tokens.weight"]
    names = list(weights)
    for number, some in enumerate((names[::2], names[1::2]), start=1):
        piece = {name: weights[name] for name in some}
        torch.save(piece, folder / f"pytorch_model-{number:05}-of-00002.bin")
    peer.config.save_pretrained(folder)

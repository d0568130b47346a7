"""Helpers of the tests of conversions: reading a result, and changing a source's weights."""

import torch
from safetensors.torch import load_file, save_file

from inference.checkpoints.convert import ConvertOptions, convert, prepare
from tests.inference import metaseq_files

SIZES = {"vocab_size": 96, "num_attention_heads": 8}  # of a model that 8 parts can be cut from
LAYER = "model.decoder.layers.0."


def stored(folder):
    return {n: t for path in folder.glob("*.safetensors") for n, t in load_file(path).items()}


def loaded(folder, dtype=torch.float32):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()


def rewrite(source, change):
    """Let change alter the weights of model.safetensors."""
    path = source / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


def set_number(value):
    def change(tensors):
        tensors[f"{LAYER}fc2.weight"].view(-1)[-1] = value

    return change


def cast(dtype):
    def change(tensors):
        tensors[f"{LAYER}fc2.weight"] = tensors[f"{LAYER}fc2.weight"].to(dtype)

    return change


def convert_folder(source, destination, **options):
    """Convert; return the result as {name: tensor}, and the numbers of shards written and kept."""
    conversion = prepare(source, destination, ConvertOptions(**options))
    outcome = convert(conversion, lambda what, size: None)
    return stored(destination), (outcome.written, outcome.kept)


def require_equal(found, peer):
    """Require that the result is the peer in float16, bit for bit."""
    wanted = metaseq_files.weights_of(peer)
    assert set(found) == set(wanted)
    assert [name for name in wanted if not torch.equal(found[name], wanted[name])] == []
    assert {tensor.dtype for tensor in found.values()} == {torch.float16}

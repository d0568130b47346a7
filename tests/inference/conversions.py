"""What the tests of conversions share: reading a result, and changing a source's weights."""

import torch
from safetensors.torch import load_file, save_file

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

"""Write files by hand that no library here writes: adapters, quantized matrices, metaseq's."""

import json
from collections.abc import Callable
from pathlib import Path

import torch

from tests.inference.folders import vocabulary, weights


def adapter(folder: Path):
    """peft's, by hand: an adapter without the model that it changes."""
    from safetensors.torch import save_file

    prefix = "base_model.model.model.decoder.layers.0.self_attn.q_proj"
    pair = {
        f"{prefix}.lora_A.weight": torch.ones(4, 32),
        f"{prefix}.lora_B.weight": torch.ones(32, 4),
    }
    save_file(pair, folder / "adapter_model.safetensors", {"format": "pt"})
    described = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "opt-tiny",
        "r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"], "bias": "none",
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(described))
    vocabulary.save_tokenizer(folder)


def adapter_beside_weights(folder: Path):
    """Add an adapter, which transformers would apply: the weights alone are another model."""
    adapter(folder)
    weights.opt().save_pretrained(folder)


def quantized(method: str, tensors: Callable[[str, torch.Tensor], dict[str, torch.Tensor]], **said):
    """Write matrices as quantizing libraries do, with the note in config.json, by hand."""

    def write(folder: Path):
        from safetensors.torch import save_file

        stored: dict[str, torch.Tensor] = {}
        for name, tensor in weights.opt().state_dict().items():
            matrix = ".layers." in name and tensor.dim() == 2
            stored |= tensors(name, tensor) if matrix else {name: tensor.clone()}
        stored.pop("lm_head.weight")
        save_file(stored, folder / "model.safetensors", {"format": "pt"})
        weights.save_config(
            folder, weights.opt(), quantization_config={"quant_method": method} | said
        )
        vocabulary.save_tokenizer(folder)

    return write


def _bytes_and_scale(name: str, tensor: torch.Tensor):
    scale = tensor.abs().amax(1)
    return {
        name: (tensor / scale[:, None] * 127).to(torch.int8),
        name.replace("weight", "SCB"): scale,
    }


def _packed(name: str, tensor: torch.Tensor):
    rows, columns = tensor.shape
    stem = name.removesuffix("weight")
    return {
        stem + "qweight": torch.zeros(columns // 8, rows, dtype=torch.int32),
        stem + "qzeros": torch.zeros(1, rows // 8, dtype=torch.int32),
        stem + "scales": torch.ones(1, rows, dtype=torch.float16),
        stem + "g_idx": torch.zeros(columns, dtype=torch.int32),
    }


def metaseq(save, tokenizer=lambda folder: vocabulary.write_pair(folder, "gpt2"), **options):
    """Write metaseq's files by hand, after its source, with the vocabulary."""

    def write(folder: Path):
        save(folder, weights.opt(), **options)
        tokenizer(folder)
        weights.opt().config.save_pretrained(folder)

    return write


bitsandbytes = quantized("bitsandbytes", _bytes_and_scale, load_in_8bit=True)
gptq = quantized("gptq", _packed, bits=4, group_size=-1)

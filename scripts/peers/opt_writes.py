"""Write OPT folders by one version of transformers and peft, in an environment of its own.

Beside each folder it writes reading.json: that version's own results with the folder.

usage: opt_writes.py FOLDER, which holds vocab.json, merges.txt and asked.json
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import transformers
from packaging import version
from peft import LoraConfig, get_peft_model
from transformers import GPT2Tokenizer, OPTConfig, OPTForCausalLM

Written = tuple[Any, Any]  # the model and its tokenizer

HOME = Path(sys.argv[1])
ASKED = json.loads((HOME / "asked.json").read_text())
PARTS = {"bos_token": "</s>", "eos_token": "</s>", "unk_token": "</s>", "pad_token": "<pad>"}


def tokenizer(kind: type = GPT2Tokenizer, added: Iterable[str] = ()) -> Any:
    loaded = kind.from_pretrained(HOME, add_bos_token=True, **PARTS)
    loaded.add_tokens(list(added))
    return loaded


def fast_tokenizer() -> Any:
    """Return the fast tokenizer, where the version has two kinds."""
    return tokenizer(getattr(transformers, "GPT2TokenizerFast", GPT2Tokenizer))


def model(**changes: Any) -> OPTForCausalLM:
    torch.manual_seed(0)
    sizes = {
        "vocab_size": 304, "hidden_size": 32, "num_hidden_layers": 2, "ffn_dim": 64,
        "num_attention_heads": 4, "max_position_embeddings": 96, "init_std": 0.6,
    }  # fmt: skip
    peer = OPTForCausalLM(OPTConfig(**(sizes | changes))).eval()
    with torch.no_grad():
        for name, parameter in peer.named_parameters():
            if name.endswith("bias") or "layer_norm" in name:
                parameter.add_(torch.randn_like(parameter) * 0.2)
        peer.get_input_embeddings().weight[300:] *= 0.01
    return peer


def published(folder: Path) -> Written:
    peer = model().half()
    save(peer, folder, safe_serialization=False)
    return peer, tokenizer()


def projected(folder: Path) -> Written:
    peer = model(do_layer_norm_before=False, word_embed_proj_dim=16)
    save(peer, folder)
    return peer, tokenizer()


def in_safetensors(folder: Path) -> Written:
    peer = model()
    save(peer, folder, safe_serialization=True)
    return peer, fast_tokenizer()


def head_alone(folder: Path) -> Written:
    peer = model()
    peer.config.save_pretrained(folder)
    safetensors.torch.save_model(peer, str(folder / "model.safetensors"), metadata={"format": "pt"})
    return peer, tokenizer()


def in_shards(folder: Path) -> Written:
    peer = model()
    save(peer, folder, max_shard_size="40KB")
    return peer, fast_tokenizer()


def base_model(folder: Path) -> Written:
    peer = model()
    save(peer.model, folder)
    return peer, tokenizer()


def added(folder: Path) -> Written:
    peer, words = model(), ["<|user|>", "<|answer|>"]
    with torch.no_grad():
        table, bias = peer.get_input_embeddings().weight, peer.model.decoder.final_layer_norm.bias
        table[301] = bias / bias.norm() * table[:300].norm(dim=1).max() * 2
    save(peer, folder)
    return peer, tokenizer(added=words)


def resized(folder: Path) -> Written:
    peer = model()
    words = [f"<|extra {number}|>" for number in range(9)]
    peer.resize_token_embeddings(309)
    save(peer, folder)
    return peer, tokenizer(added=words)


def ends(folder: Path) -> Written:
    peer = model()
    fifth = greedy(peer, tokenizer()(ASKED["prompts"][0])["input_ids"])[4]
    peer.generation_config = transformers.GenerationConfig(
        bos_token_id=2, eos_token_id=[2, fifth], pad_token_id=1
    )
    save(peer, folder)
    return peer, fast_tokenizer()


def adapted() -> Any:
    torch.manual_seed(1)
    peer = get_peft_model(
        model(),
        LoraConfig(
            r=4,
            lora_alpha=8,
            lora_dropout=0.0,
            target_modules=["q_proj", "v_proj"],
            task_type="CAUSAL_LM",
        ),
    ).eval()
    with torch.no_grad():
        for name, parameter in peer.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1)
    return peer


def merged(folder: Path) -> Written:
    peer = adapted().merge_and_unload()
    save(peer, folder)
    return peer, tokenizer()


def adapter(folder: Path) -> Written:
    peer = adapted()
    peer.save_pretrained(folder)
    return peer, tokenizer()


def adapter_beside_weights(folder: Path) -> Written:
    save(model(), folder)
    return adapter(folder)


def save(peer: Any, folder: Path, **options: Any) -> None:
    if version.parse(transformers.__version__).major >= 5:
        options.pop("safe_serialization", None)  # it writes nothing else any more
    peer.save_pretrained(folder, **options)


@torch.no_grad()
def greedy(peer: Any, prompt: list[int]) -> list[int]:
    tokens = peer.float().generate(
        input_ids=torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.int64),
        do_sample=False,
        max_new_tokens=ASKED["new_tokens"],
    )
    return tokens[0, len(prompt) :].tolist()


@torch.no_grad()
def reading(peer: Any, words: Any) -> dict[str, Any]:
    prompts = [words(prompt)["input_ids"] for prompt in ASKED["prompts"]]
    said = [greedy(peer, prompt) for prompt in prompts]
    return {
        "ids": [words(text)["input_ids"] for text in ASKED["texts"]],
        "logits": peer(input_ids=torch.tensor([ASKED["ids"]])).logits[0].tolist(),
        "said": said,
        "texts": [words.decode(new, skip_special_tokens=True) for new in said],
    }


WRITERS = [
    published, projected, in_shards, base_model, head_alone, added, resized, merged, adapter,
    adapter_beside_weights,
]  # fmt: skip
if version.parse(transformers.__version__) >= version.parse("4.30"):
    # Before, tied weights could not be saved as safetensors, nor two ends be heeded.
    WRITERS += [in_safetensors, ends]

for write in WRITERS:
    folder = HOME / write.__name__
    folder.mkdir()
    peer, words = write(folder)
    words.save_pretrained(folder)
    (folder / "reading.json").write_text(json.dumps(reading(peer, words)))

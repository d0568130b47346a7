"""Llamas small enough to run in a test, with and without a chat template."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from tests.factories.catalog import make_folder

CONTEXT_LENGTH = 96
MOST_LESSONS, LEARNT = 500, 0.05
# Names alone of tools, since the context is short; calls as Hermes has them.
TOOL_TEMPLATE = (
    "{{ bos_token }}{% if tools %}tools:{% for tool in tools %} {{ tool.function.name }}"
    "{% endfor %}{{ '\n' }}{% endif %}{% for message in messages %}{{ message.role }}: "
    "{{ message.content }}{% for call in message.tool_calls or () %} {{ call.function.name }}"
    "{{ call.function.arguments | tojson }}{% endfor %}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
TEXTS = ["The sluice opens when the water above the weir has risen past the mark. "] * 8
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ message.role }}: {{ message.content }}\n"
    "{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)


def make_llama(directory: Path, vocab_size: int) -> Any:
    """Make and save a random Llama with transformers."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocab_size, hidden_size=64, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=CONTEXT_LENGTH,
        bos_token_id=2, eos_token_id=2, pad_token_id=1, initializer_range=0.3,
    )  # fmt: skip
    peer = LlamaForCausalLM(config).eval()
    peer.save_pretrained(directory)
    return peer


@cache
def tiny_llama(
    folder: Path, chat_template: str = CHAT_TEMPLATE, lesson: tuple[str, str] | None = None
) -> Path:
    """Make a Llama with a tokenizer of its own, fit to publish.

    ``lesson``: a prompt, and what it has learnt to answer to it.
    """
    from inference.training.corpus.tokenizing import train_tokenizer

    make_folder(folder)
    for stale in [*folder.glob("*.safetensors"), *folder.glob("*.index.json")]:
        stale.unlink()
    tokenizer = train_tokenizer([*TEXTS, *(lesson or ())], 300, folder)
    peer = make_llama(folder, tokenizer.vocab_size)
    if lesson is not None:
        prompt, answer = (tokenizer.encode(text, special_tokens=False) for text in lesson)
        _learn(peer, [2, *prompt, *answer, 2])
        peer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text()) | {"tokenizer_class": "PreTrainedTokenizerFast"}
    path.write_text(
        json.dumps(config | ({"chat_template": chat_template} if chat_template else {}))
    )
    return folder


def _learn(peer: Any, tokens: list[int]) -> None:
    """Train until the likeliest tokens are these."""
    import torch

    ids = torch.tensor([tokens])
    optimizer = torch.optim.Adam(peer.parameters(), lr=3e-3)
    for _ in range(MOST_LESSONS):
        loss = peer(input_ids=ids, labels=ids).loss
        if loss.item() < LEARNT:
            return
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    raise AssertionError(f"it learnt nothing: {loss.item()}")

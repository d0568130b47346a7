"""Compare readings of a folder: ids of texts, logits, and where greedy text ends."""

from dataclasses import dataclass
from pathlib import Path

import torch

from inference import Engine, SamplingParams
from inference.model.attention import CausalWindows
from inference.model.loader import load_model
from tests.inference.folders.forms import PROMPT
from tests.inference.folders.vocabulary import TEXTS

PROMPTS = [PROMPT, "", "The software", " </s> x", "<|user|>hello<|answer|>"]
IDS = [2, *range(4, 300, 11), 299, 4]
NEW_TOKENS = 16


@dataclass(frozen=True)
class Reading:
    """said: each prompt's new ids, the end's own included. texts: without it and special tokens."""

    ids: list[list[int]]
    logits: torch.Tensor
    said: list[list[int]]
    texts: list[str]


def theirs(folder: Path, texts=TEXTS, prompts=PROMPTS) -> Reading:
    """Return transformers' reading."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model, loading = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True
    )
    assert not any(loading.values()), loading
    ids = [tokenizer(prompt)["input_ids"] for prompt in prompts]
    said = [greedy(model.eval(), prompt) for prompt in ids]
    shown = [without_end(new, model.generation_config.eos_token_id) for new in said]
    return Reading(
        [tokenizer(text)["input_ids"] for text in texts],
        logits_of(model),
        said,
        [tokenizer.decode(new, skip_special_tokens=True) for new in shown],
    )


def without_end(said: list[int], ends) -> list[int]:
    """Cut ids at an end token, which isn't text, whatever it stands for elsewhere."""
    ends = ends if isinstance(ends, list) else [ends]
    return said[:-1] if said and said[-1] in ends else said


@torch.no_grad()
def logits_of(model) -> torch.Tensor:
    """[ids, vocabulary]"""
    return model(torch.tensor([IDS])).logits[0]


@torch.no_grad()
def greedy(model, prompt: list[int]) -> list[int]:
    """Return new ids by generate, which the folder's generation config ends."""
    tokens = model.generate(
        torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.int64),
        do_sample=False, max_new_tokens=NEW_TOKENS,
    )  # fmt: skip
    return tokens[0, len(prompt) :].tolist()


def ours(folder: Path, texts=TEXTS, prompts=PROMPTS) -> Reading:
    """Return the engine's reading."""
    params = SamplingParams(temperature=0.0, max_tokens=NEW_TOKENS)
    with Engine(folder) as engine:
        ids = [engine.tokenizer.encode(text) for text in texts]
        samples = [output.outputs[0] for output in engine.generate(prompts, params)]
        model = load_model(folder, engine.config, "float32", "cpu")
    logits = model(torch.tensor(IDS), torch.arange(len(IDS)), CausalWindows(1, len(IDS)))
    said = [list(sample.token_ids) for sample in samples]
    return Reading(ids, logits, said, [sample.text for sample in samples])


def require_same(found: Reading, expected: Reading):
    """Require one model: every id, every greedy token and its end; logits within 1e-4."""
    assert found.ids == expected.ids
    torch.testing.assert_close(found.logits, expected.logits, atol=1e-4, rtol=0)
    assert found.said == expected.said
    assert found.texts == expected.texts

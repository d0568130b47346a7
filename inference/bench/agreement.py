"""Count how often int8 and float32 weights give the same next token after the same text."""

from pathlib import Path

from inference.engine.engine import Engine
from inference.engine.sampling_params import SamplingParams
from inference.errors import InferenceError
from inference.tokenizer import Tokenizer
from inference.training.corpus.library import collect_corpus

CORPUS_BYTES = 8_000_000  # as the demo's training has, which held some texts out
WINDOW = 256


def held_out_windows(tokenizer: Tokenizer, count: int) -> list[list[int]]:
    """Return the beginnings of texts that the trainer held out, at most WINDOW tokens each."""
    texts = collect_corpus(CORPUS_BYTES).held_out
    return [tokenizer.encode(text)[:WINDOW] for text in texts[:count]]


def agreement(model: Path, windows: int, dtype: str = "int8") -> tuple[int, int]:
    """Compare the most probable tokens of dtype and float32 over held-out texts.

    Returns at how many positions they agree, and how many positions there are.

    Raises InferenceError for a model without a tokenizer, ValueError for an unknown dtype.
    """
    tokenizer = Tokenizer.find(model)
    if tokenizer is None:
        raise InferenceError(f"{model} has no tokenizer.json: agreement is measured on texts")
    prompts = held_out_windows(tokenizer, windows)
    exact, rounded = (_most_probable(model, prompts, name) for name in ("float32", dtype))
    return sum(a == b for a, b in zip(exact, rounded, strict=True)), len(exact)


def _most_probable(model: Path, prompts: list[list[int]], dtype: str) -> list[int]:
    """Return the model's most probable token at each position of all prompts."""
    params = SamplingParams(max_tokens=1, temperature=0.0, prompt_logprobs=1)
    with Engine(model, dtype=dtype, max_num_seqs=8) as engine:
        outputs = engine.generate(prompts, params)
    return [
        max(entries, key=lambda token: entries[token].logprob)
        for output in outputs
        for entries in output.prompt_logprobs or []
        if entries is not None
    ]

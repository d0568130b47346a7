"""How often int8 weights and float32 ones give the same next token, each told the same text."""

from pathlib import Path

from inference.engine.engine import Engine
from inference.engine.sampling_params import SamplingParams
from inference.errors import InferenceError
from inference.tokenizer import Tokenizer
from inference.training.data import collect_corpus

CORPUS_BYTES = 8_000_000  # the demo's training took its texts from so many, and held some out
WINDOW = 256


def held_out_windows(tokenizer: Tokenizer, count: int) -> list[list[int]]:
    """The beginnings of texts that the trainer held out, WINDOW tokens each at most."""
    texts = collect_corpus(CORPUS_BYTES).held_out
    return [tokenizer.encode(text)[:WINDOW] for text in texts[:count]]


def agreement(model: Path, windows: int, dtype: str = "int8") -> tuple[int, int]:
    """(places where dtype's most probable token is float32's, places) of held-out texts.

    Raises InferenceError for a model without a tokenizer, ValueError for an unknown dtype.
    """
    tokenizer = Tokenizer.find(model)
    if tokenizer is None:
        raise InferenceError(f"{model} has no tokenizer.json: agreement is told on texts")
    prompts = held_out_windows(tokenizer, windows)
    exact, rounded = (_most_probable(model, prompts, each) for each in ("float32", dtype))
    return sum(one == other for one, other in zip(exact, rounded, strict=True)), len(exact)


def _most_probable(model: Path, prompts: list[list[int]], dtype: str) -> list[int]:
    """By place over all prompts, the token that the model gives the highest probability."""
    params = SamplingParams(max_tokens=1, temperature=0.0, prompt_logprobs=1)
    with Engine(model, dtype=dtype, max_num_seqs=8) as engine:
        outputs = engine.generate(prompts, params)
    return [
        max(entries, key=lambda token: entries[token].logprob)
        for output in outputs
        for entries in output.prompt_logprobs or []
        if entries is not None
    ]

"""One step's arithmetic: rows to logits to drawn tokens and logprobs.

What fails for one row becomes that row's error; the others are drawn all the same.
"""

import logging
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.outputs import TokenLogprobs
from inference.runner import Runner
from inference.sampler import Draw, list_logprobs, mask_padding, sample
from inference.scheduler import Batch, Row
from inference.tokenizer import Tokenizer

log = logging.getLogger(__name__)


@dataclass
class Outcome:
    """What one row brought: a token if it draws, its prompt's next logprobs, or an error."""

    row: Row
    token: int | None = None
    logprobs: TokenLogprobs | None = None
    prompt_logprobs: list[TokenLogprobs] | None = None
    error: str | None = None


@torch.inference_mode()
def compute(runner: Runner, batch: Batch, tokenizer: Tokenizer | None) -> list[Outcome]:
    """Run the batch through the model and draw; outcomes come in the batch's order."""
    if not batch:
        return []
    outcomes = [Outcome(row) for row in batch]
    logits = _forward(runner, outcomes)
    for outcome, own in zip(outcomes, logits, strict=True):
        if own is not None and not bool(own.isfinite().all()):
            outcome.error = "the model's logits are not finite for this sequence"
    good = [(o, own) for o, own in zip(outcomes, logits, strict=True) if own is not None]
    good = [(outcome, own) for outcome, own in good if outcome.error is None]
    _score_prompts(good, tokenizer)
    _draw([(outcome, own[-1]) for outcome, own in good if outcome.row.draws], tokenizer)
    return outcomes


def _forward(runner: Runner, outcomes: list[Outcome]) -> list[Tensor | None]:
    try:
        return list(runner.forward([outcome.row for outcome in outcomes]))
    except Exception:  # noqa: BLE001 - whatever it is, find the rows it belongs to
        log.warning("a batch of %d rows failed; running them one by one", len(outcomes))
        return [_forward_alone(runner, outcome) for outcome in outcomes]


def _forward_alone(runner: Runner, outcome: Outcome) -> Tensor | None:
    try:
        return runner.forward([outcome.row])[0]
    except Exception as error:
        log.exception("a sequence failed")
        outcome.error = f"the model failed on this sequence ({type(error).__name__})"
        return None


def _score_prompts(found: list[tuple[Outcome, Tensor]], tokenizer: Tokenizer | None) -> None:
    for outcome, logits in found:
        row, sequence = outcome.row, outcome.row.sequence
        top = sequence.sampling.prompt_logprobs
        targets = sequence.prompt_token_ids[row.start + 1 : row.start + row.count + 1]
        if sequence.scores_prompt and top is not None and targets:
            outcome.prompt_logprobs = list_logprobs(
                logits[: len(targets)], list(targets), top, *_names(row, tokenizer)
            )


def _draw(found: list[tuple[Outcome, Tensor]], tokenizer: Tokenizer | None) -> None:
    if not found:
        return
    logits = torch.stack([own for _, own in found])
    wanted = mask_padding(logits, tokenizer.vocab_size if tokenizer else None)
    tokens = sample(wanted, [_draw_of(outcome.row) for outcome, _ in found]).tolist()
    for number, ((outcome, own), token) in enumerate(zip(found, tokens, strict=True)):
        outcome.token = token
        top = outcome.row.sequence.sampling.logprobs
        if top is not None:
            names = _names(outcome.row, tokenizer)
            [outcome.logprobs] = list_logprobs(own[None], [tokens[number]], top, *names)


def _draw_of(row: Row) -> Draw:
    sequence = row.sequence
    return Draw(sequence.sampling, sequence.seed, sequence.index, sequence.length)


def _names(row: Row, tokenizer: Tokenizer | None) -> tuple[int | None, Tokenizer | None]:
    """The known vocabulary's size, and the tokenizer where names are wanted."""
    vocab = tokenizer.vocab_size if tokenizer else None
    return vocab, tokenizer if row.sequence.detokenize else None
